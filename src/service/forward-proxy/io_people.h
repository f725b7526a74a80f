/* Users who are kept by the tunnels' service: their passwords are judged there, by a question on a
 * socket (control/people.h) that the thread that hashes asks and waits for. Knows no request.
 *
 * A user of theirs is a struct auth_user of the exchange that claims it. Its record says all that
 * an answer depends on: how the password is judged, for which address, and as which version of the
 * user, so that what was found right is right no more when the user is another one, or has gone. */
#ifndef FORWARD_PROXY_IO_PEOPLE_H
#define FORWARD_PROXY_IO_PEOPLE_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

struct auth_hasher;
struct policy_tables;

enum {
	FORWARD_PEOPLE_NAME_MAX = 63,
	FORWARD_PEOPLE_RECORD_MAX = 96,
	FORWARD_PEOPLE_SESSION_MS = 12 * 3600 * 1000, /* what was found right holds as long */
};

/* The name as they spell it: small letters, without blanks at its ends; and the record. tables:
 * NULL: nobody tells of users. False: nobody can have that name. */
bool forward_people_name(struct span typed, char ret[FORWARD_PEOPLE_NAME_MAX + 1]);
void forward_people_record(const struct policy_tables *tables, const char *name,
			   const struct ip_address *client, bool coded, uint64_t now_s,
			   char ret[FORWARD_PEOPLE_RECORD_MAX]);
/* Is it such a record? */
bool forward_people_are(const char *record);

/* The hash thread asks at that socket. ENOMEM. */
struct forward_people;
MUST enum err forward_people_new(const char *run, struct auth_hasher *h,
				 struct forward_people **ret);
void forward_people_free(struct forward_people *p); /* after the hasher's end; accepts NULL */

#endif
