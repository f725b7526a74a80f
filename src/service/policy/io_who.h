/* Whom the control socket's questions are about: a client as it is asked for, and as people read
 * it. Main thread. */
#ifndef POLICY_IO_WHO_H
#define POLICY_IO_WHO_H

#include "policy/io_follow.h"

#include <jansson.h>

/* An address, of which the tables of devices tell more, a hardware address, or what a lease, a
 * tunnel's peer or a user is called: any of these. held: NULL: only the address is known. text is
 * borrowed. */
void policy_who_read(const struct policy_held *held, const char *text, uint64_t now_s,
		     struct policy_identity *ret);

/* A new object: address, lease, mac, peer, user, as far as they are known. */
json_t *policy_who_json(const struct policy_identity *i);

#endif
