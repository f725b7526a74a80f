/* One check by a datagram that runs: the question, and the answer or what ICMP says. Knows neither
 * how long it may take nor what was thought of the server before.
 */
#ifndef REVERSE_PROXY_IO_CHECK_UDP_H
#define REVERSE_PROXY_IO_CHECK_UDP_H

#include "base/err.h"
#include "proto/ip/address.h"

struct reverse_check_run;

/* Opens r->udp_fd and sends; it ends by r->over, never from within this call. */
MUST enum err reverse_check_udp_begin(struct reverse_check_run *r, const struct ip_endpoint *to);
/* Accepts one that does not run. */
void reverse_check_udp_end(struct reverse_check_run *r);

#endif
