/* The part of a compiled policy that comes from the configuration: groups and who is in them, lists
 * by name, schedules, rules. For this folder alone; knows nothing of names of hosts. */
#ifndef POLICY_SETUP_H
#define POLICY_SETUP_H

#include "base/reader.h"
#include "base/writer.h"
#include "policy/build.h"

/* A member as it is searched for: kind, length, and the octets of its address or its name in lower
 * case, zeros behind. */
enum { POLICY_KEY_LEN = 2 + POLICY_NAME_MAX };
struct policy_known {
	uint8_t key[POLICY_KEY_LEN];
	uint64_t in, except; /* groups */
};

struct policy_setup_read {
	uint64_t groups_n, lists_n, schedules_n, rules_n;
	struct span groups[POLICY_GROUPS_MAX], lists[POLICY_LISTS_MAX];
	struct span schedule_names[POLICY_SCHEDULES_MAX];
	struct policy_schedule schedules[POLICY_SCHEDULES_MAX];
	struct policy_rule rules[POLICY_RULES_MAX];
	struct policy_zone zone;
	struct policy_known *known; /* owned; in order of their keys */
	size_t known_n;
	/* Of those: names of leases and peers with stars, which each client is compared with. */
	const struct policy_known *globs[POLICY_GLOBS_MAX];
	size_t globs_n;
	bool of_devices;     /* there are members by anything but addresses */
	uint64_t bits[2][3]; /* IPv4 and IPv6: lengths of prefixes that there are */
};

/* ERR_LIMIT, ERR_FORMAT as policy_build_new says. */
MUST enum err policy_setup_check(const struct policy_setup *s);
/* At most this many octets. */
size_t policy_setup_size(const struct policy_setup *s);
void policy_setup_write(const struct policy_setup *s, struct writer *w);
/* Views of the reader's bytes. ERR_FORMAT, ENOMEM. */
MUST enum err policy_setup_read(struct reader *r, struct policy_setup_read *ret);
void policy_setup_done(struct policy_setup_read *s); /* accepts zeroed storage */

void policy_key_of_name(enum policy_member_kind kind, struct span name, uint8_t *ret);
void policy_key_of_prefix(const struct ip_address *a, unsigned bits, uint8_t *ret);
void policy_key_of_mac(const uint8_t mac[6], uint8_t *ret);

#endif
