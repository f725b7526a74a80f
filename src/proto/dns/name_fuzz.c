#include "proto/dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name that was read goes to text and back, and is where it says it is. */
static void check_name(const struct dns_name *n)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name back, copy = *n;
	ASSERT(n->len >= 1 && dns_name_wire_len(dns_name_span(n)) == n->len);
	ASSERT(dns_name_from_text_case(span_text(dns_name_format(n, text)), NULL, &back) == OK);
	ASSERT(dns_name_equal(n, &back));
	dns_name_lower(&copy);
	ASSERT(dns_name_equal_nocase(dns_name_span(n), dns_name_span(&copy)));
	ASSERT(dns_name_compare(dns_name_span(n), dns_name_span(&copy)) == 0);
	unsigned labels = dns_name_labels(n);
	ASSERT(dns_name_common_labels(dns_name_span(n), dns_name_span(&copy)) == labels);
	for (unsigned i = 0; i <= labels; i++) {
		struct dns_name suffix;
		dns_name_suffix(&copy, i, &suffix);
		ASSERT(dns_name_is_under(&copy, &suffix) && dns_name_labels(&suffix) == i);
	}
}

/* The first two octets say where in the message behind them the name begins. */
static void read_wire(struct span message, size_t at)
{
	struct reader whole = reader_of_span(message), r = whole, check = whole, skip = whole;
	struct dns_name n, lower;
	r.pos = check.pos = skip.pos = at < message.len ? at : message.len;
	enum err e = dns_name_read_case(&r, whole, &n);
	ASSERT(dns_name_check(&check, whole) == e && check.pos == r.pos && check.bad == r.bad);
	dns_name_skip(&skip);
	if (e)
		return;
	ASSERT(!skip.bad && skip.pos == r.pos);
	check_name(&n);
	r.pos = at;
	ASSERT(dns_name_read(&r, whole, &lower) == OK);
	dns_name_lower(&n);
	ASSERT(dns_name_equal(&n, &lower));
}

static void read_text(struct span text)
{
	struct dns_name n, origin;
	if (dns_name_from_text_case(span_text("Example.\\000."), NULL, &origin) == OK &&
	    dns_name_from_text_case(text, &origin, &n) == OK)
		check_name(&n);
	if (dns_name_from_text(text, NULL, &n) == OK)
		check_name(&n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	size_t at = read_u16(&r);
	if (r.bad)
		return 0;
	struct span rest = read_span(&r, reader_left(&r));
	struct dns_name n;
	read_wire(rest, at);
	read_text(rest);
	if (dns_name_from_wire(rest, &n) == OK)
		check_name(&n);
	return 0;
}
