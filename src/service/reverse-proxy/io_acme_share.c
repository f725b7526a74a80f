/* What gateways that share a store tell each other: who orders, what is to be shown, what is new.
 */
#include "os/clock.h"
#include "os/log.h"
#include "service/reverse-proxy/io_acme_inner.h"

static void lease_is(struct reverse_acme *a, struct acme_held *h, bool leased, bool ours)
{
	acme_lock(a);
	h->leased = leased;
	h->ours = ours;
	acme_unlock(a);
}

/* Ours, or free, or of one who has said nothing for so long. */
static bool may_take(const struct acme_held *h)
{
	return !h->leased || h->ours || clock_monotonic_ms() >= h->lease_seen_ms + ACME_LEASE_MS;
}

enum err acme_rows_lease(struct reverse_acme *a, struct acme_held *h)
{
	if (!a->shared)
		return a->loaded ? OK : (enum err)ENOTCONN;
	if (!may_take(h))
		return ERR_EXISTS;
	uint8_t value[ACME_HOLDER_LEN + 8];
	struct writer w = writer_of(value, sizeof(value));
	write_bytes(&w, a->self, sizeof(a->self));
	write_u64(&w, clock_wall_s() + ACME_LEASE_MS / 1000); /* for people who look */
	struct store_item item = {.table = ACME_TABLE_LEASES,
				  .expect = h->leased ? STORE_EXPECT_VERSION : STORE_EXPECT_ABSENT,
				  .version = h->lease_version,
				  .key = span_text(h->id),
				  .value = writer_span(&w)};
	TRY(acme_rows_commit(a, &item, 1));
	if (item.result == OK) {
		lease_is(a, h, true, true);
		h->lease_version = item.ret_version;
	} else if (item.result == ERR_ABSENT) {
		lease_is(a, h, false, false); /* given back meanwhile: the next look takes it */
		return ERR_EXISTS;
	} else if (item.result == ERR_EXISTS) {
		lease_is(a, h, true, false);
		if (h->lease_version != item.ret_version)
			h->lease_seen_ms = clock_monotonic_ms();
		h->lease_version = item.ret_version;
	}
	return item.result;
}

void acme_rows_unlease(struct reverse_acme *a, struct acme_held *h)
{
	if (!a->shared || !h->ours)
		return;
	struct store_item item = {.table = ACME_TABLE_LEASES,
				  .expect = STORE_EXPECT_VERSION,
				  .version = h->lease_version,
				  .key = span_text(h->id),
				  .remove = true};
	err_ignore(acme_rows_commit(a, &item, 1)); /* it ends by itself */
	lease_is(a, h, false, false);
}

enum err acme_rows_proof(struct reverse_acme *a, const struct acme_held *h,
			 const struct acme_proof_row *p)
{
	uint8_t row[ACME_PROOF_ROW_MAX];
	struct writer w = writer_of(row, sizeof(row));
	acme_proof_write(p, &w);
	TRY(writer_check(&w));
	return acme_rows_put(a, ACME_TABLE_PROOFS, h->id, writer_span(&w));
}

void acme_rows_unproof(struct reverse_acme *a, const struct acme_held *h)
{
	acme_rows_drop(a, ACME_TABLE_PROOFS, h->id);
}
