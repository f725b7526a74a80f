/* The verb that keeps an address for a client from now on, and the one that gives it up. Knows the
 * store's thread, by which the reservation is made durable before it counts. */
#ifndef DHCP_IO_RESERVE_H
#define DHCP_IO_RESERVE_H

struct control_reply;
struct control_request;
struct dhcp_service;
struct store_request;

void dhcp_lease_reserve(void *arg, const struct control_request *req, struct control_reply *reply);
/* What became of it. r: borrowed. */
void dhcp_reserve_stored(struct dhcp_service *d, struct store_request *r);

#endif
