/* Two bytes of type, one that says wire or text, then the rdata. What is taken must hold together
 * in all its forms. */
#include "proto/dns/build.h"
#include "proto/dns/name.h"
#include "proto/dns/rdata.h"
#include "proto/dns/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[DNS_RDATA_MAX], again[DNS_RDATA_MAX], text[80 * 4096 + 64];

static const struct dns_name origin = {.len = 9, .wire = "\7example"};

static enum err parse(uint16_t type, struct span from, struct writer *w)
{
	struct dns_text_lexer l;
	dns_text_init(&l, from);
	enum err e = dns_rdata_from_text(type, &l, &origin, w);
	ASSERT(e == OK || l.error.expected);
	if (e == OK && dns_text_next(&l) != DNS_TOKEN_END)
		return ERR_FORMAT;
	return e;
}

/* The text of an rdata is that rdata, but where text is held to more. */
static void check_text(uint16_t type, struct span rdata)
{
	struct writer t = writer_of(text, sizeof(text)), w = writer_of(again, sizeof(again));
	dns_rdata_format(type, rdata, &t);
	if (rdata.len > 4096)
		return;
	ASSERT(!t.bad);
	if (parse(type, writer_span(&t), &w) == OK)
		ASSERT(span_equal(writer_span(&w), rdata));
	else
		ASSERT(type == DNS_TYPE_DS || type == DNS_TYPE_CDS || type == DNS_TYPE_TA ||
		       type == DNS_TYPE_DLV || type == DNS_TYPE_ZONEMD || type == DNS_TYPE_URI);
}

static void check_forms(uint16_t type, struct span rdata)
{
	struct writer w = writer_of(again, sizeof(again));
	ASSERT(dns_rdata_check(type, rdata) == OK);
	dns_rdata_canonical(type, rdata, &w);
	ASSERT(w.pos == rdata.len);
	ASSERT(dns_rdata_compare(type, rdata, writer_span(&w)) == 0);
	for (unsigned i = 0; i < 3; i++) {
		struct dns_name name;
		struct span span = dns_rdata_name_span(type, rdata, i);
		ASSERT(dns_rdata_name(type, rdata, i, &name) == (span.len != 0));
	}
	static uint8_t message[DNS_MESSAGE_MAX];
	static struct dns_build b;
	dns_build_init(&b, message, sizeof(message), 0, 0);
	dns_build_question(&b, dns_name_span(&origin), type, 1);
	size_t at = b.w.pos;
	dns_rdata_write(type, rdata, &b);
	if (!b.w.bad) {
		struct reader r = reader_of(message + at, b.w.pos - at);
		w = writer_of(again, sizeof(again));
		ASSERT(dns_rdata_from_wire(type, &r, reader_of(message, b.w.pos), &w) == OK);
		ASSERT(dns_rdata_compare(type, rdata, writer_span(&w)) == 0);
	}
	check_text(type, rdata);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	uint16_t type = read_u16(&r);
	unsigned form = read_u8(&r);
	if (r.bad)
		return 0;
	struct span rest = span_of(data + r.pos, reader_left(&r));
	struct writer w = writer_of(out, sizeof(out));
	enum err e = form & 1 ? parse(type, rest, &w)
			      : dns_rdata_from_wire(type, &r, reader_of(data, size), &w);
	if (e == OK)
		check_forms(type, writer_span(&w));
	/* As if it had been checked: accessors and printing read nothing past its end. */
	struct writer t = writer_of(text, sizeof(text));
	dns_rdata_format(type, rest, &t);
	(void)dns_rdata_name_span(type, rest, 0);
	(void)dns_bitmap_has(rest, type);
	w = writer_of(again, sizeof(again));
	dns_rdata_canonical(type, rest, &w);
	return 0;
}
