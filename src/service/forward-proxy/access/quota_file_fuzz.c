/* What was kept of quotas, as a disk might give it back: read or refused, and what was read is
 * written and read again the same. */
#include "service/forward-proxy/access/quota_file.h"

#include "base/siphash.h"
#include "base/writer.h"

#include <stdlib.h>

static uint8_t room[1 << 20];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sum in the first line would keep all but whole files out: it is made right. */
static struct span with_sum(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct span rest = span_sub(text, span_find(text, '\n') + 1, size);
	size_t lines = 0;
	for (size_t i = 0; i < rest.len; i++)
		lines += rest.data[i] == '\n';
	struct writer w = writer_of(room, sizeof(room));
	write_format(
		&w, "gatehouse-quotas-1 %zu %016llx\n", lines,
		(unsigned long long)siphash13_of((struct hash_key){0, 0}, rest.data, rest.len));
	write_span(&w, rest);
	return writer_span(&w);
}

static void check(struct span text)
{
	AUTO(quota_table_free) struct quota_table *t = NULL, *back = NULL;
	static uint8_t again[1 << 20];
	size_t line;
	ASSERT(!quota_table_new(256, &t) && !quota_table_new(256, &back));
	if (quota_file_read(t, text, &line))
		return;
	struct writer w = writer_of(again, sizeof(again));
	quota_file_write(t, &w);
	ASSERT(!w.bad);
	enum err e = quota_file_read(back, writer_span(&w), &line);
	ASSERT(!e && quota_rows(back) <= quota_rows(t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 100000)
		return 0;
	check(span_of(data, size));
	check(with_sum(data, size));
	return 0;
}
