/* What hosts were told of prefixes, as octets that outlive the process: so that those which are
 * gone after a restart are said to be over (RFC 9096 3.5). Their contract is in ra.h. */
#include "base/reader.h"
#include "base/writer.h"
#include "service/dhcp/ra.h"

enum { RECORD_FORM = 1, ON_LINK = 1, AUTONOMOUS = 2, GONE = 4, ENTRIES_MAX = 4096 };

static void write_prefix(struct writer *w, const char *interface, const struct ra_prefix *p)
{
	struct span name = span_text(interface);
	write_u8(w, (uint8_t)name.len);
	write_span(w, name);
	write_u8(w, (uint8_t)((p->prefix.on_link ? ON_LINK : 0) |
			      (p->prefix.autonomous ? AUTONOMOUS : 0) | (p->gone ? GONE : 0)));
	write_u8(w, p->prefix.prefix.bits);
	write_bytes(w, p->prefix.prefix.address.bytes, 16);
	/* In force: for how long a host has it that was told a moment ago. */
	write_u64(w, p->gone ? p->told_until_ms : p->prefix.valid_s);
}

void ra_remember(const struct ra *r, uint64_t now_ms, struct writer *w)
{
	write_u8(w, RECORD_FORM);
	for (size_t i = 0; i < r->interfaces_n; i++) {
		const struct ra_interface *at = &r->interfaces[i];
		for (size_t k = 0; k < at->prefixes_n; k++)
			if (!at->prefixes[k].gone || at->prefixes[k].told_until_ms > now_ms)
				write_prefix(w, at->rules.interface, &at->prefixes[k]);
	}
}

static struct ra_interface *interface_of(struct ra *r, struct span name)
{
	for (size_t i = 0; i < r->interfaces_n; i++)
		if (span_equal(name, span_text(r->interfaces[i].rules.interface)))
			return &r->interfaces[i];
	return NULL;
}

static bool has(const struct ra_interface *i, const struct ip_prefix *p)
{
	for (size_t k = 0; k < i->prefixes_n; k++)
		if (ip_prefix_equal(&i->prefixes[k].prefix.prefix, p))
			return true;
	return false;
}

/* One that is of no interface any more, or in force again, is passed over. */
static enum err recall_one(struct ra *r, uint64_t now_ms, struct reader *in)
{
	struct span name = read_span(in, read_u8(in));
	uint8_t flags = read_u8(in);
	struct ip_prefix p = {.address = {.family = 6}, .bits = read_u8(in)};
	read_bytes(in, p.address.bytes, 16);
	uint64_t number = read_u64(in);
	if (in->bad || p.bits > 128 || (!(flags & GONE) && number > UINT32_MAX))
		return ERR_FORMAT;
	struct ra_interface *i = interface_of(r, name);
	uint64_t until_ms = flags & GONE ? number : now_ms + number * 1000;
	if (!i || has(i, &p) || until_ms <= now_ms ||
	    i->prefixes_n == sizeof(i->prefixes) / sizeof(i->prefixes[0]))
		return OK;
	i->prefixes[i->prefixes_n++] =
		(struct ra_prefix){.prefix = {.prefix = p,
					      .on_link = flags & ON_LINK,
					      .autonomous = flags & AUTONOMOUS},
				   .gone = true,
				   .told_until_ms = until_ms};
	return OK;
}

enum err ra_recall(struct ra *r, uint64_t now_ms, struct span record)
{
	struct reader in = reader_of_span(record);
	uint8_t form = read_u8(&in);
	if (form != RECORD_FORM)
		return in.bad || form == 0 ? ERR_FORMAT : ERR_UNSUPPORTED;
	for (unsigned n = 0; reader_left(&in) && n < ENTRIES_MAX; n++)
		TRY(recall_one(r, now_ms, &in));
	return reader_end(&in);
}
