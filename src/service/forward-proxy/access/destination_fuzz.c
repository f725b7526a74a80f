/* The input is one text, read as a destination in each way. What was read is written in a form that
 * reads back as the same, and that inet_aton(3), which takes what getaddrinfo(3) takes, does not
 * read as another address. */
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/access/inside.h"

#include <arpa/inet.h> /* why-kernel-header: the reader that others have, as an oracle */
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_other_address(const struct destination *d, const char *text)
{
	struct in_addr other;
	if (inet_aton(text, &other) == 0)
		return;
	ASSERT(d->address.family == 4);
	ASSERT(memcmp(d->address.bytes, &other, 4) == 0);
}

static void reads_back(const struct destination *d)
{
	struct destination back;
	char text[DESTINATION_TEXT_MAX + 1];
	size_t len = destination_host_format(d, text);
	ASSERT(text[len] == 0 && strlen(text) == len);
	ASSERT(destination_read(span_of(text, len), d->port, &back) == OK);
	ASSERT(back.port == d->port && ip_address_equal(&back.address, &d->address));
	ASSERT(span_equal(destination_name(&back), destination_name(d)));
	no_other_address(d, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct inside_rules rules = {0};
	struct destination d;
	/* A block of its own, so that the sanitizer sees one byte too far. */
	uint8_t *copy = malloc(size ? size : 1);
	ASSERT(copy);
	memcpy(copy, data, size);
	if (destination_read(span_of(copy, size), 80, &d) == OK) {
		reads_back(&d);
		(void)inside_judge_written(&rules, &d);
	}
	if (destination_read(span_of(copy, size), 0, &d) == OK)
		reads_back(&d);
	if (destination_read_host(span_of(copy, size), 443, &d) == OK)
		reads_back(&d);
	free(copy);
	return 0;
}
