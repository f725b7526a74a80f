#include "service/forward-proxy/inspect/statuses.h"

#include <assert.h>
#include <string.h>

static_assert((INSPECT_STATUS_SETS & (INSPECT_STATUS_SETS - 1)) == 0, "a mask is taken");

/* A hash's octets are as good as any other hash of them. */
static size_t set_of(const uint8_t fingerprint[INSPECT_FINGERPRINT_LEN])
{
	return (size_t)(fingerprint[0] << 8 | fingerprint[1]) & (INSPECT_STATUS_SETS - 1);
}

static bool is_of(const struct inspect_status_kept *k,
		  const uint8_t fingerprint[INSPECT_FINGERPRINT_LEN])
{
	return k->until_s && memcmp(k->fingerprint, fingerprint, INSPECT_FINGERPRINT_LEN) == 0;
}

bool inspect_statuses_find(const struct inspect_statuses *s,
			   const uint8_t fingerprint[INSPECT_FINGERPRINT_LEN], uint64_t now_s,
			   enum inspect_status *ret)
{
	const struct inspect_status_kept *set = s->items[set_of(fingerprint)];
	for (size_t i = 0; i < INSPECT_STATUS_WAYS; i++) {
		if (!is_of(&set[i], fingerprint) || set[i].until_s <= now_s)
			continue;
		*ret = (enum inspect_status)set[i].status;
		return true;
	}
	return false;
}

static uint64_t lasts(enum inspect_status status, uint64_t until_s, uint64_t now_s)
{
	if (status == INSPECT_STATUS_REVOKED)
		return now_s + INSPECT_STATUS_REVOKED_S;
	if (status == INSPECT_STATUS_UNTOLD)
		return now_s + INSPECT_STATUS_UNTOLD_S;
	if (until_s < now_s + INSPECT_STATUS_MIN_S)
		return now_s + INSPECT_STATUS_MIN_S;
	if (until_s > now_s + INSPECT_STATUS_MAX_S)
		return now_s + INSPECT_STATUS_MAX_S;
	return until_s;
}

void inspect_statuses_keep(struct inspect_statuses *s,
			   const uint8_t fingerprint[INSPECT_FINGERPRINT_LEN],
			   enum inspect_status status, uint64_t until_s, uint64_t now_s)
{
	struct inspect_status_kept *set = s->items[set_of(fingerprint)], *at = &set[0];
	for (size_t i = 0; i < INSPECT_STATUS_WAYS; i++) {
		if (is_of(&set[i], fingerprint)) {
			at = &set[i];
			break;
		}
		if (set[i].until_s < at->until_s)
			at = &set[i];
	}
	memcpy(at->fingerprint, fingerprint, INSPECT_FINGERPRINT_LEN);
	at->until_s = lasts(status, until_s, now_s);
	at->status = (uint8_t)status;
}
