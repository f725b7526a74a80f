#include "http-cache/disk/rules.h"

#include "base/reader.h"
#include "base/writer.h"

enum {
	RULES_MAGIC = 0x67685255,
	HEAD_LEN = 24,
	RULE_LEN = 9, /* and its value */
};
static_assert(HEAD_LEN + RULE_LEN + DISK_RULE_VALUE_MAX + DISK_CHECK_LEN <= DISK_RULES_LEN,
	      "one rule fits");

/* One more with a value of that length. */
static bool fits(const struct disk_rules *r, size_t len)
{
	size_t all = HEAD_LEN + RULE_LEN + len + DISK_CHECK_LEN;
	for (uint32_t i = 0; i < r->n; i++)
		all += RULE_LEN + r->at[i].len;
	return r->n < DISK_RULES_MAX && len <= DISK_RULE_VALUE_MAX && all <= DISK_RULES_LEN;
}

/* Whether what that rule means the new one means, too. */
static bool is_covered(const struct disk_rule *rule, enum cache_purge what, struct span value)
{
	bool longer = what == CACHE_PURGE_PREFIX && rule->len > value.len;
	return rule->what == what &&
	       span_equal(span_of(rule->value, longer ? value.len : rule->len), value);
}

static void keep(struct disk_rules *r, uint32_t to, uint32_t from)
{
	if (to != from) /* each is long */
		r->at[to] = r->at[from];
}

bool disk_rules_add(struct disk_rules *r, enum cache_purge what, struct span value)
{
	uint32_t n = 0;
	r->epoch++;
	for (uint32_t i = 0; i < r->n; i++)
		if (!is_covered(&r->at[i], what, value))
			keep(r, n++, i);
	r->n = n;
	if (what == CACHE_PURGE_ALL || !fits(r, value.len)) {
		r->floor = r->epoch;
		r->n = 0;
		return false;
	}
	struct disk_rule *rule = &r->at[r->n++];
	rule->what = (uint8_t)what;
	rule->epoch = r->epoch;
	rule->len = (uint32_t)value.len;
	if (value.len)
		memcpy(rule->value, value.data, value.len);
	return true;
}

void disk_rules_again(struct disk_rules *r, bool all)
{
	r->epoch++;
	for (uint32_t i = 0; i < r->n; i++)
		r->at[i].epoch = r->epoch;
	if (all)
		r->floor = r->epoch;
}

void disk_rules_swept(struct disk_rules *r, uint32_t epoch)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < r->n; i++)
		if (r->at[i].epoch > epoch)
			keep(r, n++, i);
	r->n = n;
}

static bool means(const struct disk_rule *rule, const struct cache_object *o)
{
	struct span value = span_of(rule->value, rule->len);
	if (rule->what == CACHE_PURGE_TAG)
		return cache_object_has_tag(o, value);
	return o->key.len >= value.len && span_equal(span_sub(o->key, 0, value.len), value);
}

bool disk_rules_mean(const struct disk_rules *r, const struct cache_object *o, uint32_t epoch)
{
	if (epoch < r->floor)
		return true;
	for (uint32_t i = 0; i < r->n; i++)
		if (epoch < r->at[i].epoch && means(&r->at[i], o))
			return true;
	return false;
}

uint64_t disk_rules_write(struct hash_key key, struct disk_rules *r, uint8_t to[DISK_RULES_LEN])
{
	struct writer w = writer_of(to, DISK_RULES_LEN - DISK_CHECK_LEN);
	memset(to, 0, DISK_RULES_LEN);
	r->seq++;
	write_u32(&w, RULES_MAGIC);
	write_u64(&w, r->seq);
	write_u32(&w, r->epoch);
	write_u32(&w, r->floor);
	write_u32(&w, r->n);
	for (uint32_t i = 0; i < r->n; i++) {
		const struct disk_rule *rule = &r->at[i];
		write_u8(&w, rule->what);
		write_u32(&w, rule->epoch);
		write_u32(&w, rule->len);
		write_bytes(&w, rule->value, rule->len);
	}
	ASSERT(!w.bad);
	struct writer check = writer_of(to + DISK_RULES_LEN - DISK_CHECK_LEN, DISK_CHECK_LEN);
	write_u64(&check, siphash13_of(key, to, DISK_RULES_LEN - DISK_CHECK_LEN));
	return r->seq;
}

static bool copy_read(struct hash_key key, const uint8_t *copy, struct disk_rules *ret)
{
	struct reader check = reader_of(copy + DISK_RULES_LEN - DISK_CHECK_LEN, DISK_CHECK_LEN);
	struct reader r = reader_of(copy, DISK_RULES_LEN - DISK_CHECK_LEN);
	if (read_u32(&r) != RULES_MAGIC ||
	    read_u64(&check) != siphash13_of(key, copy, DISK_RULES_LEN - DISK_CHECK_LEN))
		return false;
	ret->seq = read_u64(&r);
	ret->epoch = read_u32(&r);
	ret->floor = read_u32(&r);
	ret->n = read_u32(&r);
	if (ret->n > DISK_RULES_MAX || ret->epoch > DISK_EPOCH_MAX)
		return false;
	for (uint32_t i = 0; i < ret->n; i++) {
		struct disk_rule *rule = &ret->at[i];
		rule->what = read_u8(&r);
		rule->epoch = read_u32(&r);
		rule->len = read_u32(&r);
		if (rule->len > DISK_RULE_VALUE_MAX ||
		    (rule->what != CACHE_PURGE_PREFIX && rule->what != CACHE_PURGE_TAG))
			return false;
		read_bytes(&r, rule->value, rule->len);
	}
	return !r.bad;
}

/* Only what is said of it, without the rules' values. */
static bool copy_seq(const uint8_t *copy, uint64_t *ret)
{
	struct reader r = reader_of(copy, 12);
	bool is = read_u32(&r) == RULES_MAGIC;
	*ret = read_u64(&r);
	return is;
}

bool disk_rules_read(struct hash_key key, const uint8_t copies[2 * DISK_RULES_LEN],
		     struct disk_rules *ret)
{
	uint64_t seq[2] = {0};
	bool is[2] = {copy_seq(copies, &seq[0]), copy_seq(copies + DISK_RULES_LEN, &seq[1])};
	int first = is[1] && (!is[0] || seq[1] > seq[0]) ? 1 : 0;
	return copy_read(key, copies + first * DISK_RULES_LEN, ret) ||
	       copy_read(key, copies + (1 - first) * DISK_RULES_LEN, ret);
}
