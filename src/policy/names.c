/* The table of names in a compiled policy: its hash, its search, its judge. */
#include "base/reader.h"
#include "policy/form.h"
#include "policy/pattern.h"

uint64_t policy_hash_name(struct policy_seed seed, struct span name)
{
	uint8_t starts[DNS_LABELS_MAX + 1];
	unsigned n = 0;
	uint64_t h = policy_hash_root(seed);
	for (size_t at = 0; at < name.len && n < DNS_LABELS_MAX; at += name.data[at] + 1u)
		starts[n++] = (uint8_t)at;
	while (n--)
		h = policy_hash_label(seed, h, name.data + starts[n] + 1, name.data[starts[n]]);
	return policy_hash_end(seed, h);
}

const uint8_t *policy_names_find(const struct policy_names *n, uint64_t hash, struct span name)
{
	uint32_t bucket = policy_bucket_of(hash, n->buckets);
	const uint64_t tag = policy_tag_of(hash) * UINT64_C(0x0101010101010101);
	for (uint32_t i = 0; i < n->probes; i++) {
		uint64_t tags = policy_load_u64(n->tags + (size_t)bucket * POLICY_BUCKET);
		uint64_t hits = policy_zero_octets(tags ^ tag);
		for (; hits; hits &= ~(UINT64_C(1) << (63 - __builtin_clzll(hits)))) {
			size_t slot = (size_t)bucket * POLICY_BUCKET +
				      (unsigned)__builtin_clzll(hits) / 8;
			const uint8_t *record = n->records + policy_load_u32(n->slots + slot * 4);
			if (record[0] == name.len && memcmp(record + 1, name.data, name.len) == 0)
				return record;
		}
		if (policy_zero_octets(tags))
			return NULL;
		bucket = bucket + 1 == n->buckets ? 0 : bucket + 1;
	}
	return NULL;
}

/* --- the judge --- */

/* Labels of 1 to 63 octets that end where the name ends, in lower case. */
static bool is_name(struct span name, unsigned *ret_labels)
{
	struct reader r = reader_of_span(name);
	unsigned n = 0;
	while (reader_left(&r)) {
		uint8_t len = read_u8(&r);
		struct span label = read_span(&r, len);
		if (len == 0 || len > DNS_LABEL_MAX || r.bad)
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (label.data[i] >= 'A' && label.data[i] <= 'Z')
				return false;
		n++;
	}
	*ret_labels = n;
	return name.len < DNS_NAME_MAX;
}

static void read_line(struct reader *r, unsigned lists, bool paths)
{
	uint8_t flags = read_u8(r), list = read_u8(r), part;
	unsigned parts = 0;
	do
		part = read_u8(r);
	while (part & 0x80 && ++parts < 4);
	if (part & 0x80 || list >= lists || flags & POLICY_FLAG_BAD ||
	    paths != ((flags & POLICY_FLAG_PATH) != 0) ||
	    (flags >> POLICY_FLAG_FORM & 3) > POLICY_FORM_HOSTS)
		reader_fail(r);
	if (paths) {
		if ((flags & POLICY_FLAG_SCOPE) == POLICY_PATTERN ||
		    !policy_path_is_valid(read_span(r, read_u8(r))))
			reader_fail(r);
		return;
	}
	if ((flags & POLICY_FLAG_SCOPE) == POLICY_PATTERN &&
	    !policy_pattern_is_valid(read_span(r, read_u8(r))))
		reader_fail(r);
}

/* The record at offset; its lines are added to *lines. */
static enum err check_record(const struct policy_names *n, uint32_t offset, unsigned lists,
			     uint64_t *lines)
{
	struct reader r = reader_of(n->records, n->records_len);
	unsigned labels;
	reader_skip(&r, offset);
	struct span name = read_span(&r, read_u8(&r));
	uint8_t count = read_u8(&r);
	bool paths = policy_path_is_labelled(name);
	if (r.bad || count == 0 || !is_name(name, &labels))
		return ERR_FORMAT;
	labels -= paths;
	const uint64_t *depths = paths ? n->path_depths : n->depths;
	if (!(depths[labels / 64] >> labels % 64 & 1))
		return ERR_FORMAT;
	for (unsigned i = 0; i < count; i++)
		read_line(&r, lists, paths);
	*lines += count;
	return reader_check(&r);
}

enum err policy_names_check(const struct policy_names *n, uint32_t names, uint32_t lines,
			    unsigned lists)
{
	uint64_t names_seen = 0, lines_seen = 0;
	size_t slots_n = (size_t)n->buckets * POLICY_BUCKET;
	/* First that all can be read, then that it is where it is looked for: to look for one is to
	 * read others. */
	for (size_t i = 0; i < slots_n; i++)
		if (n->tags[i]) {
			TRY(check_record(n, policy_load_u32(n->slots + i * 4), lists, &lines_seen));
			names_seen++;
		}
	if (names_seen != names || lines_seen != lines)
		return ERR_FORMAT;
	for (size_t i = 0; i < slots_n; i++) {
		if (!n->tags[i])
			continue;
		const uint8_t *record = n->records + policy_load_u32(n->slots + i * 4);
		struct span name = span_of(record + 1, record[0]);
		if (policy_names_find(n, policy_hash_name(n->seed, name), name) != record)
			return ERR_FORMAT;
	}
	return OK;
}
