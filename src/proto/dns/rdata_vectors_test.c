/* Every text of test/data/zone/rdata_vectors.txt against the wire form that dnspython gives it, and
 * back; and the same bytes, torn and flipped, on guard pages. */
#include "proto/dns/name.h"
#include "proto/dns/rdata.h"
#include "proto/dns/text.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LINE_LEN_MAX 8192

struct vector {
	uint16_t type;
	size_t wire_len;
	uint8_t wire[2048];
	struct span text;
	const char *line;
};

static struct dns_name origin;

static enum err parse(uint16_t type, struct span text, struct writer *w)
{
	struct dns_text_lexer l;
	dns_text_init(&l, text);
	enum err e = dns_rdata_from_text(type, &l, &origin, w);
	if (e == OK && dns_text_next(&l) != DNS_TOKEN_END)
		return ERR_FORMAT;
	return e;
}

/* One line of the file. */
static void read_vector(const char *line, struct vector *ret)
{
	struct span rest = span_text(line);
	rest.len -= rest.data[rest.len - 1] == '\n';
	size_t gap = span_find(rest, ' ');
	if (!dns_type_from_text(span_sub(rest, 0, gap), &ret->type))
		fail_msg("no type: %s", line);
	rest = span_sub(rest, gap + 1, rest.len);
	gap = span_find(rest, ' ');
	struct writer w = writer_of(ret->wire, sizeof(ret->wire));
	if (rest.data[0] != '-')
		assert_true(dns_text_decode_all(DNS_TEXT_HEX, span_sub(rest, 0, gap), &w));
	assert_int_equal(writer_check(&w), OK);
	ret->wire_len = w.pos;
	ret->text = span_sub(rest, gap + 1, rest.len);
	ret->line = line;
}

static size_t each_vector(void (*call)(const struct vector *v))
{
	static char line[LINE_LEN_MAX];
	static struct vector v;
	FILE *f = fopen(DNS_RDATA_VECTORS, "r");
	assert_non_null(f);
	size_t count = 0;
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		read_vector(line, &v);
		call(&v);
		count++;
	}
	assert_int_equal(fclose(f), 0);
	return count;
}

static void assert_wire(const struct vector *v, const struct writer *w)
{
	if (!span_equal(writer_span(w), span_of(v->wire, v->wire_len)))
		fail_msg("another wire form: %s", v->line);
}

static void text_gives_wire(const struct vector *v)
{
	static uint8_t out[4096], text[32768];
	struct writer w = writer_of(out, sizeof(out));
	if (parse(v->type, v->text, &w))
		fail_msg("refused: %s", v->line);
	assert_wire(v, &w);

	/* Wire to text to wire. */
	assert_int_equal(dns_rdata_check(v->type, span_of(v->wire, v->wire_len)), OK);
	struct writer t = writer_of(text, sizeof(text));
	dns_rdata_format(v->type, span_of(v->wire, v->wire_len), &t);
	assert_int_equal(writer_check(&t), OK);
	w = writer_of(out, sizeof(out));
	if (parse(v->type, writer_span(&t), &w))
		fail_msg("own text refused: %.*s of %s", (int)t.pos, text, v->line);
	assert_wire(v, &w);

	/* From a message in which nothing is compressed. */
	struct reader r = reader_of(v->wire, v->wire_len), message = r;
	w = writer_of(out, sizeof(out));
	assert_int_equal(dns_rdata_from_wire(v->type, &r, message, &w), OK);
	assert_wire(v, &w);
}

static void reads_what_dnspython_reads(void **state)
{
	(void)state;
	assert_true(each_vector(text_gives_wire) > 1000);
}

static void generic_form_gives_wire(const struct vector *v)
{
	static uint8_t out[4096], text[16384];
	struct writer t = writer_of(text, sizeof(text)), w = writer_of(out, sizeof(out));
	write_format(&t, "\\# %zu ", v->wire_len);
	dns_text_hex_write(span_of(v->wire, v->wire_len), &t);
	assert_int_equal(parse(v->type, writer_span(&t), &w), OK);
	assert_wire(v, &w);
	if (v->wire_len == 0)
		return;
	t = writer_of(text, sizeof(text));
	write_format(&t, "\\# %zu ", v->wire_len - 1);
	dns_text_hex_write(span_of(v->wire, v->wire_len), &t);
	assert_int_equal(parse(v->type, writer_span(&t), &w), ERR_FORMAT);
}

static void takes_rfc_3597_form_for_every_type(void **state)
{
	(void)state;
	assert_true(each_vector(generic_form_gives_wire) > 1000);
}

static void canonical_is_equal(const struct vector *v)
{
	static uint8_t out[4096], upper[4096];
	struct span wire = span_of(v->wire, v->wire_len);
	struct writer w = writer_of(out, sizeof(out));
	dns_rdata_canonical(v->type, wire, &w);
	assert_int_equal(w.pos, wire.len);
	assert_int_equal(dns_rdata_compare(v->type, wire, writer_span(&w)), 0);
	/* Letters of names count only where RFC 4034 6.2 says nothing. */
	struct span name = dns_rdata_name_span(v->type, wire, 0);
	if (name.len < 2)
		return;
	memcpy(upper, wire.data, wire.len);
	size_t at = (size_t)(name.data - wire.data) + 1;
	if (upper[at] < 'a' || upper[at] > 'z')
		return;
	upper[at] = (uint8_t)(upper[at] - ('a' - 'A'));
	int order = dns_rdata_compare(v->type, wire, span_of(upper, wire.len));
	if (dns_type_flags(v->type) & DNS_TYPE_LOWER)
		assert_int_equal(order, 0);
	else
		assert_true(order > 0);
}

static void compares_in_canonical_form(void **state)
{
	(void)state;
	assert_true(each_vector(canonical_is_equal) > 1000);
}

static uint16_t torn_type;

/* Text is held to more than wire: lengths of digests, a target in URI, a whole DoH template. */
static bool is_judged(uint16_t type)
{
	return type == DNS_TYPE_DS || type == DNS_TYPE_CDS || type == DNS_TYPE_ZONEMD ||
	       type == DNS_TYPE_URI;
}

/* What is taken must hold together: it has a text, and that text is it. */
static void take_wire(const uint8_t *data, size_t len)
{
	static uint8_t out[4096], text[65536];
	struct span rdata = span_of(data, len);
	struct reader r = reader_of_span(rdata), message = r;
	struct writer w = writer_of(out, sizeof(out)), t = writer_of(text, sizeof(text));
	enum err checked = dns_rdata_check(torn_type, rdata);
	enum err read = dns_rdata_from_wire(torn_type, &r, message, &w);
	/* A pointer may now and then make sense; nothing else is taken by one alone. */
	if (checked == OK)
		assert_int_equal(read, OK);
	dns_rdata_format(torn_type, rdata, &t);
	assert_int_equal(writer_check(&t), OK);
	if (checked)
		return;
	w = writer_of(out, sizeof(out));
	enum err parsed = parse(torn_type, writer_span(&t), &w);
	if (parsed && is_judged(torn_type))
		return;
	if (parsed || !span_equal(writer_span(&w), rdata))
		fail_msg("type %u: another rdata by its own text %.*s", torn_type, (int)t.pos,
			 text);
}

static void tear_wire(const struct vector *v)
{
	torn_type = v->type;
	if (v->wire_len > 200)
		return;
	guard_every_prefix(v->wire, v->wire_len, take_wire);
	guard_every_bit_flip(v->wire, v->wire_len, take_wire);
}

static void takes_torn_and_flipped_wire_whole_or_not(void **state)
{
	(void)state;
	assert_true(each_vector(tear_wire) > 1000);
}

static void take_text(const uint8_t *data, size_t len)
{
	static uint8_t out[4096];
	struct writer w = writer_of(out, sizeof(out));
	struct dns_text_lexer l;
	dns_text_init(&l, span_of(data, len));
	enum err e = dns_rdata_from_text(torn_type, &l, &origin, &w);
	if (e) {
		assert_non_null(l.error.expected);
		assert_true(l.error.line > 0 && l.error.column > 0);
		assert_int_equal(w.pos, 0);
		return;
	}
	assert_int_equal(dns_rdata_check(torn_type, writer_span(&w)), OK);
}

static void tear_text(const struct vector *v)
{
	torn_type = v->type;
	if (v->text.len > 120)
		return;
	guard_every_prefix(v->text.data, v->text.len, take_text);
	guard_every_bit_flip(v->text.data, v->text.len, take_text);
}

static void takes_torn_and_flipped_text_whole_or_not(void **state)
{
	(void)state;
	assert_true(each_vector(tear_text) > 1000);
}

int main(void)
{
	if (dns_name_from_text(span_text("example.com."), NULL, &origin))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_torn_and_flipped_wire_whole_or_not),
		cmocka_unit_test(takes_torn_and_flipped_text_whole_or_not),
		cmocka_unit_test(reads_what_dnspython_reads),
		cmocka_unit_test(takes_rfc_3597_form_for_every_type),
		cmocka_unit_test(compares_in_canonical_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
