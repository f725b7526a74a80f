#include "proxy/ticket_ring.h"

#include "base/reader.h"
#include "crypto/secret.h"

enum { FORM = 1 };

bool ticket_ring_is_due(const struct ticket_ring *r, uint64_t now_s)
{
	return r->n == 0 || r->from_s[r->n - 1] <= now_s;
}

static void drop_first(struct ticket_ring *r)
{
	r->n--;
	memmove(r->keys, r->keys + 1, r->n * sizeof(r->keys[0]));
	memmove(r->from_s, r->from_s + 1, r->n * sizeof(r->from_s[0]));
	crypto_wipe(&r->keys[r->n], sizeof(r->keys[0]));
}

/* Whose successor began so long ago that none of its tickets is good. */
static bool first_is_over(const struct ticket_ring *r, uint64_t now_s)
{
	return r->n > 1 && r->from_s[1] + TICKET_PERIOD_S <= now_s;
}

void ticket_ring_turn(struct ticket_ring *r, uint64_t now_s, const struct tls_ticket_key *key)
{
	while (first_is_over(r, now_s))
		drop_first(r);
	if (r->n == TLS_TICKET_KEYS)
		drop_first(r);
	uint64_t from_s = now_s;
	if (r->n) {
		from_s = r->from_s[r->n - 1] + TICKET_PERIOD_S;
		if (from_s <= now_s) /* nobody turned it for so long */
			from_s = now_s + TICKET_PERIOD_S;
	}
	r->keys[r->n] = *key;
	r->from_s[r->n++] = from_s;
}

size_t ticket_ring_seals(const struct ticket_ring *r, uint64_t now_s)
{
	size_t at = 0;
	for (size_t i = 1; i < r->n; i++)
		if (r->from_s[i] <= now_s)
			at = i;
	return at;
}

void ticket_ring_write(const struct ticket_ring *r, struct writer *w)
{
	write_u8(w, FORM);
	write_u8(w, (uint8_t)r->n);
	for (size_t i = 0; i < r->n; i++) {
		write_u64(w, r->from_s[i]);
		write_bytes(w, r->keys[i].bytes, sizeof(r->keys[i].bytes));
	}
}

enum err ticket_ring_read(struct span text, struct ticket_ring *ret)
{
	struct reader r = reader_of_span(text);
	struct ticket_ring ring = {0};
	bool good = true;
	uint8_t form = read_u8(&r);
	if (form > FORM)
		return ERR_UNSUPPORTED;
	ring.n = read_u8(&r);
	if (form != FORM || ring.n == 0 || ring.n > TLS_TICKET_KEYS)
		return ERR_FORMAT;
	for (size_t i = 0; i < ring.n; i++) {
		ring.from_s[i] = read_u64(&r);
		read_bytes(&r, ring.keys[i].bytes, sizeof(ring.keys[i].bytes));
		good = good && (i == 0 || ring.from_s[i] > ring.from_s[i - 1]);
	}
	enum err e = reader_end(&r);
	if (!e && good)
		*ret = ring;
	crypto_wipe(&ring, sizeof(ring));
	return e || !good ? ERR_FORMAT : OK;
}

void ticket_ring_done(struct ticket_ring *r)
{
	crypto_wipe(r, sizeof(*r));
}
