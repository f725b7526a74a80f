/* The input is a script of reads and the bytes that they read. First byte: the length of the
 * script; then pairs of (what to do, with how much); the rest is what is read. */
#include "base/reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MAX = 8 };

static uint64_t slow_number(const uint8_t *at, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v * 256 + at[i];
	return v;
}

static void check(const struct reader *r)
{
	ASSERT(r->pos <= r->len);
	ASSERT(!r->bad || r->pos == r->len);
	ASSERT(reader_left(r) == r->len - r->pos);
	ASSERT(reader_check(r) == (r->bad ? ERR_FORMAT : OK));
	ASSERT(reader_end(r) == (r->bad || reader_left(r) ? ERR_FORMAT : OK));
}

/* A number of n bytes: right when they were there, else 0 and a bad reader. */
static void number(struct reader *r, size_t n, uint64_t (*read)(struct reader *))
{
	struct reader before = *r;
	uint64_t v = read(r);
	bool fits = !before.bad && n <= reader_left(&before);
	ASSERT(r->bad == !fits);
	ASSERT(v == (fits ? slow_number(before.data + before.pos, n) : 0));
	ASSERT(r->pos == (fits ? before.pos + n : before.len));
}

static uint64_t u8(struct reader *r)
{
	return read_u8(r);
}

static uint64_t u16(struct reader *r)
{
	return read_u16(r);
}

static uint64_t u32(struct reader *r)
{
	return read_u32(r);
}

static void bytes(struct reader *r, size_t n)
{
	struct reader before = *r;
	uint8_t got[256];
	memset(got, 0xee, sizeof(got));
	read_bytes(r, got, n);
	bool fits = n <= reader_left(&before);
	for (size_t i = 0; i < n; i++)
		ASSERT(got[i] == (fits ? before.data[before.pos + i] : 0));
	for (size_t i = n; i < sizeof(got); i++)
		ASSERT(got[i] == 0xee);
}

static struct reader sub_of(struct reader *r, size_t n)
{
	struct reader before = *r;
	struct reader sub = reader_sub(r, n);
	ASSERT(sub.bad == r->bad);
	ASSERT(sub.bad || (sub.data == before.data + before.pos && sub.len == n));
	ASSERT(!sub.bad || reader_left(&sub) == 0);
	return sub;
}

static void step(struct reader stack[DEPTH_MAX], size_t *depth, uint8_t what, uint8_t n)
{
	struct reader *r = &stack[*depth];
	bool was_bad = r->bad;
	switch (what % 11) {
	case 0: number(r, 1, u8); break;
	case 1: number(r, 2, u16); break;
	case 2: number(r, 4, u32); break;
	case 3: number(r, 6, read_u48); break;
	case 4: number(r, 8, read_u64); break;
	case 5: bytes(r, n); break;
	case 6: reader_skip(r, n % 16 ? n : SIZE_MAX - n); break;
	case 7: reader_skip_all(r); break;
	case 8:
		if (*depth + 1 < DEPTH_MAX) {
			stack[*depth + 1] = sub_of(r, n);
			++*depth;
		}
		break;
	case 9:
		if (*depth > 0)
			--*depth;
		break;
	default: ASSERT(read_span(r, n).len == (r->bad ? 0 : n));
	}
	ASSERT(!was_bad || r->bad);
	check(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t script_len = data[0] < size - 1 ? data[0] : size - 1;
	const uint8_t *script = data + 1;
	size_t len = size - 1 - script_len;
	/* A block of its own, so that the sanitizer sees one byte too far. */
	uint8_t *read = malloc(len ? len : 1);
	ASSERT(read);
	memcpy(read, script + script_len, len);

	struct reader stack[DEPTH_MAX] = {reader_of(read, len)};
	size_t depth = 0;
	for (size_t i = 0; i + 1 < script_len; i += 2)
		step(stack, &depth, script[i], script[i + 1]);
	free(read);
	return 0;
}
