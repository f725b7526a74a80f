/* A check of a server of datagrams: the question as octets, and what an answer, or none, is worth.
 * Does no I/O and knows no clock.
 */
#ifndef REVERSE_PROXY_CHECK_UDP_H
#define REVERSE_PROXY_CHECK_UDP_H

#include "base/err.h"
#include "base/span.h"

struct reverse_check_conf;

enum { REVERSE_CHECK_UDP_TEXT_MAX = 1024 }; /* and as many octets at most */

/* "0x1f00" is two octets, anything else is sent as it is written. *ret is a view of room or text.
 * ERR_FORMAT: no pairs of hexadecimal digits behind 0x, or none at all. */
MUST enum err reverse_check_octets(const char *text, uint8_t room[REVERSE_CHECK_UDP_TEXT_MAX],
				   struct span *ret);

/* Does this datagram say that the server is well? None does where the answer is no octets. */
bool reverse_check_udp_judge(const struct reverse_check_conf *c, struct span answer);
/* And that none came in time? */
bool reverse_check_silence_is_well(const struct reverse_check_conf *c);

#endif
