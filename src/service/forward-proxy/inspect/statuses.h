/* What OCSP servers have said of certificates, kept until it ends. Bounded; what ends first gives
 * way. Knows neither how it is asked nor what is done about it, and no clock. */
#ifndef FORWARD_PROXY_INSPECT_STATUSES_H
#define FORWARD_PROXY_INSPECT_STATUSES_H

#include <stdbool.h>
#include <stdint.h>

enum {
	INSPECT_FINGERPRINT_LEN = 32,
	INSPECT_STATUS_SETS = 512, /* a power of two */
	INSPECT_STATUS_WAYS = 8,
	/* An answer is kept for a minute at least, and no longer than authorities may have it last
	 * (ten days, CA/Browser Forum BR 4.9.10). */
	INSPECT_STATUS_MIN_S = 60,
	INSPECT_STATUS_MAX_S = 10 * 86400,
	/* Who is revoked stays so; who had no answer is asked for again soon. */
	INSPECT_STATUS_REVOKED_S = 3600,
	INSPECT_STATUS_UNTOLD_S = 60,
};

enum inspect_status {
	INSPECT_STATUS_UNTOLD, /* nobody tells, or nothing that counts */
	INSPECT_STATUS_GOOD,
	INSPECT_STATUS_REVOKED,
};

struct inspect_statuses {
	struct inspect_status_kept {
		uint8_t fingerprint[INSPECT_FINGERPRINT_LEN];
		uint64_t until_s; /* 0: nothing is here */
		uint8_t status;
	} items[INSPECT_STATUS_SETS][INSPECT_STATUS_WAYS];
};

/* False: nothing is known, or not any more. */
bool inspect_statuses_find(const struct inspect_statuses *s,
			   const uint8_t fingerprint[INSPECT_FINGERPRINT_LEN], uint64_t now_s,
			   enum inspect_status *ret);
/* until_s: of a good one, as it says. What was known of that certificate is forgotten. */
void inspect_statuses_keep(struct inspect_statuses *s,
			   const uint8_t fingerprint[INSPECT_FINGERPRINT_LEN],
			   enum inspect_status status, uint64_t until_s, uint64_t now_s);

#endif
