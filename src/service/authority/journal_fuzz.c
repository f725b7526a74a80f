/* Any octets as a journal. With checksums few get far: the first octet says whether what follows it
 * is a whole file, or changes that are framed here. */
#include "base/writer.h"
#include "service/authority/journal.h"
#include "service/authority/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct span bytes)
{
	struct ledger l;
	struct journal_reader jr;
	if (journal_open(bytes, &jr) != OK)
		return;
	ledger_init(&l, (struct hash_key){1, 2});
	enum err e = ledger_read(&l, &jr);
	ASSERT(jr.whole <= bytes.len);
	if (!e) {
		/* What it comes to, written and read again, comes to the same. */
		struct journal_batch b = {0};
		struct journal_reader again;
		struct ledger second;
		journal_put_head(&b, &jr.head);
		journal_begin(&b);
		ledger_write(&l, &jr.head.origin, &b);
		ASSERT(journal_end(&b, &jr.head, l.serial) == OK);
		ASSERT(journal_open(span_of(b.data, b.len), &again) == OK);
		ledger_init(&second, (struct hash_key){3, 4});
		ASSERT(ledger_read(&second, &again) == OK);
		for (const struct ledger_record *r = l.first; r; r = r->next) {
			const struct ledger_record *s =
				ledger_find(&second, dns_name_span(r->owner), r->type,
					    span_of(r->rdata, r->rdata_len));
			ASSERT((s && s->plus) == r->plus && (s && s->minus) == r->minus);
		}
		ledger_done(&second);
		journal_batch_done(&b);
	}
	ledger_done(&l);
}

/* The octets as the changes of one entry, with the frame that makes them pass. */
static void read_framed(struct span changes)
{
	struct journal_head h = {.origin = {.len = 3, .wire = "\1x"}, .file_serial = 1};
	struct journal_batch b = {0};
	journal_put_head(&b, &h);
	journal_begin(&b);
	size_t room = b.len;
	journal_put(&b, &(struct journal_change){.owner = h.origin}); /* makes room, at least */
	if (!b.failed && changes.len <= b.cap - room) {
		struct writer w = writer_of(b.data + room, b.cap - room);
		write_span(&w, changes);
		b.len = room + changes.len;
		ASSERT(journal_end(&b, &h, 2) == OK);
		read_all(span_of(b.data, b.len));
	}
	journal_batch_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_of(data, size);
	if (size == 0)
		return 0;
	if (data[0] & 1)
		read_framed(span_sub(all, 1, size));
	else
		read_all(span_sub(all, 1, size));
	return 0;
}
