#include "service/forward-proxy/access/quota_file.h"

#include "base/reader.h"
#include "base/siphash.h"
#include "base/writer.h"

#define MAGIC "gatehouse-quotas-1 "

enum { FIELDS = 8, HEAD_FIELDS = 3, SUM_LEN = 16, COUNT_LEN = 10 };

/* Sums of several stay below 64 bits. */
#define BYTES_MAX QUOTA_EXTRA_MAX

static const char *const bys[] = {"address", "user", "group", "all"};

/* A sum against disks, not against people: its key is no secret. */
static uint64_t sum_of(struct span s)
{
	return siphash13_of((struct hash_key){0, 0}, s.data, s.len);
}

/* ---- writing ---- */

static void write_word(struct writer *w, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c > ' ' && c <= '~' && c != '%')
			write_u8(w, c);
		else
			write_format(w, "%%%02x", c);
	}
}

static void write_use(struct writer *w, const struct quota_use *u)
{
	write_word(w, span_text(u->quota));
	write_format(w, " %s ", bys[u->by]);
	write_word(w, span_of(u->who, u->who_len));
	write_format(w, " %llu %llu %llu %llu %llu\n", (unsigned long long)u->period.begins_s,
		     (unsigned long long)u->period.ends_s,
		     (unsigned long long)u->used[BANDWIDTH_UP],
		     (unsigned long long)u->used[BANDWIDTH_DOWN], (unsigned long long)u->extra);
}

void quota_file_write(struct quota_table *t, struct writer *w)
{
	struct quota_use u;
	size_t n = 0, head = w->pos;
	/* Its width is known before what it says is. */
	write_format(w, MAGIC "%*u %*u\n", COUNT_LEN, 0, SUM_LEN, 0);
	size_t body = w->pos;
	for (size_t at = 0; !w->bad && quota_next(t, &at, &u);) {
		if (!u.used[BANDWIDTH_UP] && !u.used[BANDWIDTH_DOWN] && !u.extra)
			continue;
		if (writer_left(w) < QUOTA_FILE_LINE_MAX)
			break;
		write_use(w, &u);
		n++;
	}
	if (w->bad)
		return;
	struct writer first = writer_of(w->data + head, body - head);
	struct span rest = span_of(w->data + body, w->pos - body);
	write_format(&first, MAGIC "%0*zu %016llx", COUNT_LEN, n, (unsigned long long)sum_of(rest));
	write_u8(&first, '\n'); /* where the format's NUL stood */
}

/* ---- reading ---- */

static bool split(struct span line, struct span *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t end = span_find(line, ' ');
		if ((end == line.len) != (i == n - 1))
			return false;
		fields[i] = span_sub(line, 0, end);
		line = span_sub(line, end + 1, line.len);
	}
	return true;
}

static struct span next_line(struct span *text)
{
	struct span line = span_sub(*text, 0, span_find(*text, '\n'));
	*text = span_sub(*text, line.len + 1, text->len);
	return line;
}

static int digit_of(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* SIZE_MAX: it is no word, or longer than max. */
static size_t read_word(struct span s, uint8_t *room, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (n == max || c <= ' ' || c > '~')
			return SIZE_MAX;
		if (c == '%') {
			int high = i + 2 < s.len ? digit_of(s.data[i + 1]) : -1;
			int low = i + 2 < s.len ? digit_of(s.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return SIZE_MAX;
			c = (uint8_t)(high << 4 | low);
			i += 2;
		}
		room[n++] = c;
	}
	return n ? n : SIZE_MAX;
}

static bool read_by(struct span s, enum quota_by *ret)
{
	for (size_t i = 0; i < sizeof(bys) / sizeof(bys[0]); i++)
		if (span_is(s, bys[i])) {
			*ret = (enum quota_by)i;
			return true;
		}
	return false;
}

static bool read_use(struct span line, struct quota_use *ret)
{
	struct span f[FIELDS];
	uint8_t quota[QUOTA_NAME_MAX], who[QUOTA_WHO_MAX];
	char name[QUOTA_NAME_MAX + 1];
	enum quota_by by;
	if (!split(line, f, FIELDS) || !read_by(f[1], &by))
		return false;
	size_t quota_len = read_word(f[0], quota, sizeof(quota));
	size_t who_len = read_word(f[2], who, sizeof(who));
	if (quota_len == SIZE_MAX || who_len == SIZE_MAX || memchr(quota, 0, quota_len) ||
	    !span_to_cstr(span_of(quota, quota_len), name, sizeof(name)))
		return false;
	quota_use_name(ret, name, by, span_of(who, who_len));
	return span_to_u64(f[3], PERIOD_LATEST_S, &ret->period.begins_s) &&
	       span_to_u64(f[4], 2 * PERIOD_LATEST_S, &ret->period.ends_s) &&
	       span_to_u64(f[5], BYTES_MAX, &ret->used[BANDWIDTH_UP]) &&
	       span_to_u64(f[6], BYTES_MAX, &ret->used[BANDWIDTH_DOWN]) &&
	       span_to_u64(f[7], BYTES_MAX, &ret->extra) &&
	       ret->period.begins_s < ret->period.ends_s;
}

/* The sum of what is behind the first line, and how many lines. */
static bool read_head(struct span *text, uint64_t *ret_n)
{
	struct span f[HEAD_FIELDS], line = next_line(text);
	char sum[SUM_LEN + 1];
	struct writer w = writer_of(sum, sizeof(sum));
	write_format(&w, "%016llx", (unsigned long long)sum_of(*text));
	return split(line, f, HEAD_FIELDS) &&
	       span_equal(f[0], span_sub(span_text(MAGIC), 0, strlen(MAGIC) - 1)) &&
	       span_to_u64(f[1], UINT32_MAX, ret_n) && span_equal(f[2], writer_span(&w));
}

enum err quota_file_read(struct quota_table *t, struct span text, size_t *ret_line)
{
	uint64_t n;
	size_t line = 1;
	struct quota_use u;
	enum err e = OK;
	*ret_line = line;
	if (!read_head(&text, &n))
		return ERR_FORMAT;
	struct span rest = text;
	for (uint64_t i = 0; i < n; i++) {
		*ret_line = ++line;
		if (!rest.len || !read_use(next_line(&rest), &u))
			return ERR_FORMAT;
	}
	*ret_line = line + 1;
	if (rest.len)
		return ERR_FORMAT;
	for (uint64_t i = 0; i < n; i++)
		if (read_use(next_line(&text), &u) && quota_put(t, &u))
			e = ERR_LIMIT;
	return e;
}
