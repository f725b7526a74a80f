#include "base/reader.h"

uint64_t read_u48(struct reader *r)
{
	uint64_t high = read_u16(r);
	uint64_t low = read_u32(r);
	return r->bad ? 0 : high << 32 | low;
}

uint64_t read_u64(struct reader *r)
{
	uint64_t high = read_u32(r);
	uint64_t low = read_u32(r);
	return r->bad ? 0 : high << 32 | low;
}

void read_bytes(struct reader *r, void *ret, size_t n)
{
	struct span s = read_span(r, n);
	if (s.len != n)
		memset(ret, 0, n);
	else if (n)
		memcpy(ret, s.data, n); /* the cursor itself: the one place that may */
}

struct reader reader_sub(struct reader *r, size_t n)
{
	struct span s = read_span(r, n);
	struct reader sub = reader_of_span(s);
	sub.bad = r->bad;
	return sub;
}
