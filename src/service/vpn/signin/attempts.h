/* Failed sign-ins, counted for each user at each peer, for each user, peer and source address, with
 * delays that grow. Knows neither passwords nor who exists: it counts names that nobody has as
 * well. */
#ifndef VPN_SIGNIN_ATTEMPTS_H
#define VPN_SIGNIN_ATTEMPTS_H

#include "base/err.h"
#include "base/siphash.h"
#include "proto/ip/address.h"
#include "service/vpn/signin/session.h"

#include <stdbool.h>

struct attempts;

enum attempts_by {
	ATTEMPTS_PAIR, /* this user at this peer */
	ATTEMPTS_PEER,
	ATTEMPTS_USER,	  /* at any peer that is theirs */
	ATTEMPTS_ADDRESS, /* outer address; of IPv6 its /64 */
	ATTEMPTS_BY,
};

/* Who tries. */
struct attempt_source {
	const uint8_t *peer; /* SESSION_PEER_LEN bytes */
	const char *user;
	const struct ip_address *address;
	/* The peer is the user's: what fails elsewhere cannot succeed, and does not hold the user
	 * up at their own. */
	bool theirs;
};

struct attempts_limits {
	/* Failures before the first pause: of a user at a peer (three times as many at all of
	 * theirs), of a peer, of an address. At least 1. */
	uint32_t user, peer, address;
	uint64_t delay_ms, delay_max_ms; /* the first pause, which doubles; the longest */
};

/* max: records; a new one takes the place of the oldest. key: random. ENOMEM. */
MUST enum err attempts_new(size_t max, const struct attempts_limits *limits, struct hash_key key,
			   struct attempts **ret);
void attempts_free(struct attempts *a);
DEFINE_AUTO(struct attempts, attempts_free)

/* How long this source must still wait, in milliseconds, and by which count; 0: it may try. */
uint64_t attempts_wait_ms(const struct attempts *a, uint64_t now_ms,
			  const struct attempt_source *from, enum attempts_by *ret_by);

/* One more failure. Counted before it is known to be one, so that many tries at once are as dear as
 * one after the other; attempts_succeeded takes it back. */
void attempts_count(struct attempts *a, uint64_t now_ms, const struct attempt_source *from);
/* The pair, the peer and the user begin anew; its try counts no longer for the address. */
void attempts_succeeded(struct attempts *a, const struct attempt_source *from);
/* As if its try had not been made: it was not judged. */
void attempts_forgive(struct attempts *a, const struct attempt_source *from);

/* An administrator's word: nothing of this user's, at any peer, is counted any more, nor what the
 * peers where it failed have to wait for. */
void attempts_unlock(struct attempts *a, const char *user);

/* The longest wait of this user now, at any peer. */
uint64_t attempts_user_wait_ms(const struct attempts *a, uint64_t now_ms, const char *user);

/* The pause after so many failures, in milliseconds. A failure is forgotten after a day, an
 * address's after an hour; an address, behind which many may stand, never waits for more than a
 * minute. */
uint64_t attempts_delay_ms(const struct attempts *a, enum attempts_by by, uint32_t failures);
/* A reload: other limits for what was counted so far. */
void attempts_set(struct attempts *a, const struct attempts_limits *limits);

#endif
