#include "service/authority/ledger.h"

#include "base/writer.h"
#include "proto/dns/rdata.h"
#include "proto/dns/type.h"

#define RECORDS_MAX TABLE_RECORDS_MAX
#define KEY_MAX	    (DNS_NAME_MAX + 2 + DNS_RDATA_MAX)

/* Owner, type and rdata in canonical form: what makes two records the same one. */
static struct span key_of(struct span owner, uint16_t type, struct span rdata, uint8_t buf[KEY_MAX])
{
	struct writer w = writer_of(buf, KEY_MAX);

	write_span(&w, owner);
	write_u16(&w, type);
	dns_rdata_canonical(type, rdata, &w);
	return writer_span(&w);
}

static bool equal(const void *record, const void *key, size_t key_len)
{
	const struct ledger_record *r = record;
	uint8_t buf[KEY_MAX];

	return span_equal(
		key_of(dns_name_span(r->owner), r->type, span_of(r->rdata, r->rdata_len), buf),
		span_of(key, key_len));
}

void ledger_init(struct ledger *l, struct hash_key key)
{
	*l = (struct ledger){0};
	arena_init(&l->arena, SIZE_MAX);
	table_init(&l->records, key, RECORDS_MAX, equal);
	l->last = &l->first;
}

void ledger_done(struct ledger *l)
{
	table_done(&l->records);
	arena_done(&l->arena);
	*l = (struct ledger){0};
}

static enum err record_new(struct ledger *l, const struct journal_change *c,
			   struct ledger_record **ret)
{
	struct ledger_record *r = ARENA_NEW(&l->arena, struct ledger_record);

	if (!r)
		return ENOMEM;
	r->rdata = (uint8_t *)arena_copy(&l->arena, c->rdata);
	r->owner = arena_alloc(&l->arena, offsetof(struct dns_name, wire) + c->owner.len, 1);
	if (!r->rdata || !r->owner)
		return ENOMEM;
	r->owner->len = c->owner.len;
	memcpy(r->owner->wire, c->owner.wire, c->owner.len);
	r->type = c->type;
	r->rdata_len = (uint16_t)c->rdata.len;
	*ret = r;
	return OK;
}

static enum err soa_change(struct ledger *l, const struct journal_change *c)
{
	const char *copy;

	if (c->op == JOURNAL_REMOVE)
		return OK;
	copy = arena_copy(&l->arena, c->rdata);
	if (!copy)
		return ENOMEM;
	l->soa = span_of(copy, c->rdata.len);
	l->soa_ttl_s = c->ttl_s;
	return OK;
}

enum err ledger_change(struct ledger *l, const struct journal_change *c)
{
	uint8_t buf[KEY_MAX];
	struct span key = key_of(dns_name_span(&c->owner), c->type, c->rdata, buf);
	uint32_t hash = table_hash(&l->records, key);
	struct ledger_record *r;

	if (c->type == DNS_TYPE_SOA)
		return soa_change(l, c);
	r = table_find(&l->records, hash, key.data, key.len);
	if (!r) {
		TRY(record_new(l, c, &r));
		TRY(table_insert(&l->records, hash, key.data, key.len, r));
		*l->last = r;
		l->last = &r->next;
	}
	if (c->op == JOURNAL_ADD && r->minus && r->minus_ttl_s == c->ttl_s) {
		r->minus = false; /* as the file has it, again */
	} else if (c->op == JOURNAL_ADD) {
		r->plus = true;
		r->ttl_s = c->ttl_s;
	} else if (r->plus) {
		r->plus = false;
	} else {
		r->minus = true;
		r->minus_ttl_s = c->ttl_s;
	}
	return OK;
}

enum err ledger_read(struct ledger *l, struct journal_reader *jr)
{
	struct journal_entry entry;
	struct journal_change c;

	while (journal_next(jr, &entry)) {
		while (journal_change_next(&entry, &c))
			TRY(ledger_change(l, &c));
		TRY(reader_check(&entry.changes));
		l->serial = entry.serial;
		l->entries++;
	}
	return OK;
}

const struct ledger_record *ledger_find(const struct ledger *l, struct span owner, uint16_t type,
					struct span rdata)
{
	uint8_t buf[KEY_MAX];
	struct span key = key_of(owner, type, rdata, buf);

	return table_find(&l->records, table_hash(&l->records, key), key.data, key.len);
}

void ledger_write(const struct ledger *l, const struct dns_name *apex, struct journal_batch *b)
{
	if (l->soa.len)
		journal_put(b, &(struct journal_change){.op = JOURNAL_ADD,
							.type = DNS_TYPE_SOA,
							.ttl_s = l->soa_ttl_s,
							.owner = *apex,
							.rdata = l->soa});
	for (const struct ledger_record *r = l->first; r; r = r->next) {
		struct journal_change c = {.type = r->type,
					   .owner = {.len = r->owner->len},
					   .rdata = span_of(r->rdata, r->rdata_len)};
		memcpy(c.owner.wire, r->owner->wire, r->owner->len);
		if (r->minus) {
			c.op = JOURNAL_REMOVE;
			c.ttl_s = r->minus_ttl_s;
			journal_put(b, &c);
		}
		if (r->plus) {
			c.op = JOURNAL_ADD;
			c.ttl_s = r->ttl_s;
			journal_put(b, &c);
		}
	}
}
