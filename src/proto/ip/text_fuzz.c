/* The input is one text, read as everything that this folder reads. What was read must be written
 * in a form that reads back as the same. */
#include "base/err.h"
#include "proto/ip/address.h"
#include "proto/ip/prefix.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void address(struct span text)
{
	struct ip_address a, back;
	char buf[IP_ADDRESS_TEXT_MAX];
	if (ip_address_parse(text, &a))
		return;
	size_t len = ip_address_format(&a, buf);
	ASSERT(ip_address_parse(span_of(buf, len), &back) == OK && ip_address_equal(&a, &back));
}

static void endpoint(struct span text)
{
	struct ip_endpoint e, back;
	char buf[IP_ENDPOINT_TEXT_MAX];
	if (ip_endpoint_parse(text, 53, &e))
		return;
	size_t len = ip_endpoint_format(&e, buf);
	ASSERT(ip_endpoint_parse(span_of(buf, len), 0, &back) == OK);
	ASSERT(ip_endpoint_equal(&e, &back));
}

static void prefix(struct span text)
{
	struct ip_prefix masked, p, back;
	char buf[IP_PREFIX_TEXT_MAX];
	if (ip_prefix_parse_masked(text, &masked)) {
		ASSERT(ip_prefix_parse(text, &p) == ERR_FORMAT);
		return;
	}
	ASSERT(ip_prefix_parse(text, &p) == ERR_REFUSED || ip_prefix_equal(&p, &masked));
	size_t len = ip_prefix_format(&masked, buf);
	ASSERT(ip_prefix_parse(span_of(buf, len), &back) == OK && ip_prefix_equal(&masked, &back));
}

static void range(struct span text)
{
	struct ip_range r, back;
	char buf[IP_RANGE_TEXT_MAX];
	if (ip_range_parse(text, &r))
		return;
	ASSERT(ip_range_contains(&r, &r.first) && ip_range_contains(&r, &r.last));
	size_t len = ip_range_format(&r, buf);
	ASSERT(ip_range_parse(span_of(buf, len), &back) == OK);
	ASSERT(ip_address_equal(&r.first, &back.first) && ip_address_equal(&r.last, &back.last));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A block of its own, so that the sanitizer sees one byte too far. */
	uint8_t *copy = malloc(size ? size : 1);
	ASSERT(copy);
	memcpy(copy, data, size);
	address(span_of(copy, size));
	endpoint(span_of(copy, size));
	prefix(span_of(copy, size));
	range(span_of(copy, size));
	free(copy);
	return 0;
}
