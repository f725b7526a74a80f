/* Datagrams gathered during a turn and handed to the kernel in one call: over a UDP socket or a
 * packet socket, each to an end of its own. Knows nothing of what they say. */
#ifndef OS_OUTBOX_H
#define OS_OUTBOX_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet_end;
struct outbox;

enum { OUTBOX_SLOTS_MAX = 256 };

/* slots datagrams of at most size bytes (64 to 65535) wait at once; nothing is allocated later. */
MUST enum err outbox_new(size_t slots, size_t size, struct outbox **ret);
void outbox_free(struct outbox *box);
DEFINE_AUTO(struct outbox, outbox_free)

/* Both copy what they are given. False: all slots wait for outbox_send, or it is longer than size.
 *
 * from: source address, an address of ours; NULL: the kernel's choice. ifindex: out by that link;
 * 0: by the routes. */
bool outbox_add_udp(struct outbox *box, const struct ip_endpoint *to, const struct ip_address *from,
		    uint32_t ifindex, struct span datagram);
/* head and body follow each other, from the network header on. */
bool outbox_add_packet(struct outbox *box, const struct packet_end *to, struct span head,
		       struct span body);

bool outbox_is_full(const struct outbox *box);
bool outbox_is_empty(const struct outbox *box);

/* Sends all and empties the box. What the kernel does not take at once is dropped: whoever asked
 * will ask again. Returns how many were dropped. A box is used with one socket. */
size_t outbox_send(struct outbox *box, int fd);

#endif
