#include "policy/pauses.h"

#include "base/reader.h"
#include "base/siphash.h"
#include "base/writer.h"
#include "policy/form.h"

#define PAUSES_MAGIC "GHpauses"
enum { PAUSES_VERSION = 1, HEAD_LEN = 8 + 4 + 8 };

/* "GHpauses", u32 version, u64 checksum of what follows; u8 how many; for each u8 length, name,
 * u64 until. */
void policy_pauses_write(const struct policy_pause *pauses, size_t n, struct writer *w)
{
	size_t begin = w->pos;
	write_bytes(w, PAUSES_MAGIC, 8);
	write_u32(w, PAUSES_VERSION);
	write_u64(w, 0);
	write_u8(w, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		write_u8(w, (uint8_t)pauses[i].group.len);
		write_span(w, pauses[i].group);
		write_u64(w, pauses[i].until_s);
	}
	if (w->bad)
		return;
	struct writer check = writer_of(w->data + begin + 12, 8);
	write_u64(&check, siphash24(POLICY_CHECK_KEY, w->data + begin + HEAD_LEN,
				    w->pos - begin - HEAD_LEN));
}

enum err policy_pauses_read(const struct policy *p, struct span bytes, struct policy_pauses *ret)
{
	struct policy_pauses found = {0};
	struct reader r = reader_of_span(bytes);
	if (bytes.len == 0) {
		*ret = found;
		return OK;
	}
	if (!span_equal(read_span(&r, 8), span_of(PAUSES_MAGIC, 8)))
		return ERR_FORMAT;
	if (read_u32(&r) != PAUSES_VERSION)
		return ERR_UNSUPPORTED;
	uint64_t check = read_u64(&r);
	if (r.bad || check != siphash24(POLICY_CHECK_KEY, r.data + r.pos, reader_left(&r)))
		return ERR_FORMAT;
	unsigned n = read_u8(&r);
	for (unsigned i = 0; i < n; i++) {
		struct span name = read_span(&r, read_u8(&r));
		uint64_t until_s = read_u64(&r);
		unsigned group = name.len ? policy_group_find(p, name) : POLICY_GROUPS_MAX;
		if (name.len == 0)
			found.all_s = until_s;
		else if (group < POLICY_GROUPS_MAX)
			found.groups_s[group] = until_s;
	}
	TRY(reader_end(&r));
	*ret = found;
	return OK;
}
