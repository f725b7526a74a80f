/* What of the store nobody wants any more. With gateways that share it nobody knows what the others
 * want, but who wants a certificate tries to get it: one that has ended long ago, and whose last
 * try was long ago, is wanted by none. Each row goes only as it was last seen. */
#include "os/clock.h"
#include "os/log.h"
#include "service/reverse-proxy/io_acme_inner.h"

/* Part of an errand, of this gateway or of another. */
static bool is_busy(const struct reverse_acme *a, const struct acme_held *h)
{
	for (const struct acme_authority *u = a->authorities; u; u = u->next)
		if (u->held == h)
			return true;
	return h->orders || h->hurry ||
	       (h->leased && clock_monotonic_ms() < h->lease_seen_ms + ACME_LEASE_MS);
}

/* There, and not what is here: torn, of a newer program, or sealed with another key. Another
 * gateway may have renewed what has ended here. */
static bool is_foreign(const struct acme_held *h)
{
	bool parts = false;
	for (size_t i = 0; i < ACME_PARTS_MAX; i++)
		parts = parts || h->part_versions[i];
	return h->schedule_foreign ||
	       (parts && (!h->chain || h->parts_generation != h->generation));
}

static bool is_left(const struct reverse_acme *a, const struct acme_held *h)
{
	uint64_t keep_ms = a->conf->store_keep_ms;
	return !h->wanted && !h->unsaved && !h->unsaved_schedule && !is_busy(a, h) &&
	       !is_foreign(h) &&
	       acme_schedule_is_left(&h->schedule, h->until_s, keep_ms / 1000, clock_wall_s());
}

static struct store_item removal(enum acme_table table, const char *key, uint64_t version)
{
	return (struct store_item){.table = table,
				   .expect = STORE_EXPECT_VERSION,
				   .version = version,
				   .key = span_text(key),
				   .remove = true};
}

/* All its rows in one commit. False: not all are gone, as the store is away, or another gateway has
 * written them anew. */
static bool rows_remove(struct reverse_acme *a, const struct acme_held *h)
{
	struct store_item items[ACME_PARTS_MAX + 3];
	char keys[ACME_PARTS_MAX][ACME_PART_KEY];
	size_t n = 0;
	for (size_t i = 0; i < ACME_PARTS_MAX; i++) {
		acme_part_key(h->id, i, keys[i]);
		if (h->part_versions[i])
			items[n++] = removal(ACME_TABLE_CERTIFICATES, keys[i], h->part_versions[i]);
	}
	if (h->schedule_version)
		items[n++] = removal(ACME_TABLE_SCHEDULES, h->id, h->schedule_version);
	if (h->leased)
		items[n++] = removal(ACME_TABLE_LEASES, h->id, h->lease_version);
	if (h->proof_version)
		items[n++] = removal(ACME_TABLE_PROOFS, h->id, h->proof_version);
	if (n && acme_rows_commit(a, items, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (items[i].result && items[i].result != ERR_ABSENT)
			return false;
	return true;
}

void acme_rows_tidy(struct reverse_acme *a)
{
	uint64_t now_ms = loop_now_ms(&a->loop);
	char name[ACME_NAME_MAX];
	if (!a->conf || !a->loaded || now_ms < a->tidy_ms)
		return;
	a->tidy_ms = now_ms + ACME_TIDY_MS;
	for (size_t i = a->held_n; i--;) {
		struct acme_held *h = a->held[i];
		if (!is_left(a, h) || !rows_remove(a, h))
			continue;
		acme_first_name(h, name);
		log_info("a certificate that nobody wants any more has left the store",
			 LOG_TEXT("name", name));
		if (h->token[0])
			acme_proofs_drop(a->proofs, h->token);
		acme_held_drop(a, h); /* the last one takes its place, and was looked at */
	}
}
