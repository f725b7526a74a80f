#include "service/reverse-proxy/route/file.h"

#include "base/writer.h"
#include "proto/http/date.h"
#include "proto/http/etag.h"
#include "proto/http/http1.h"

enum err file_name(struct span path, char ret[FILE_NAME_MAX])
{
	struct span rest = span_sub(path, 1, path.len);
	size_t at = 0;
	char decoded[FILE_NAME_MAX];
	while (rest.len) {
		size_t end = span_find(rest, '/');
		struct span segment = span_sub(rest, 0, end);
		rest = span_sub(rest, end + 1, rest.len);
		if (segment.len == 0)
			continue;
		if (!http_percent_decode(segment, false, decoded, sizeof(decoded)))
			return ERR_REFUSED;
		size_t len = strlen(decoded);
		if (strpbrk(decoded, "/\\") ||
		    (decoded[0] == '.' && strcmp(decoded, ".well-known")))
			return ERR_REFUSED;
		if (at + len + 2 > FILE_NAME_MAX)
			return ERR_LIMIT;
		if (at)
			ret[at++] = '/';
		memcpy(ret + at, decoded, len);
		at += len;
	}
	ret[at] = 0;
	return OK;
}

size_t file_etag(uint64_t size, uint64_t mtime_ns, uint64_t inode, char coding,
		 char ret[FILE_ETAG_MAX])
{
	/* The number tells apart two files of one moment and one size that were renamed over each
	 * other; all of it in one word shows nobody what the numbers are. */
	uint64_t mixed = mtime_ns ^ (inode * UINT64_C(0x9e3779b97f4a7c15));
	struct writer w = writer_of(ret, FILE_ETAG_MAX - 1);
	write_format(&w, "\"%llx-%llx", (unsigned long long)mixed, (unsigned long long)size);
	if (coding)
		write_u8(&w, (uint8_t)coding);
	write_u8(&w, '"');
	ret[w.pos] = 0;
	return w.pos;
}

/* True: at or before the file's time stands this date. */
static bool not_newer(struct span date, const struct file_facts *f)
{
	uint64_t at;
	return http_date_read(date, f->now_s, &at) == OK && f->mtime_s <= at;
}

static bool if_range_holds(const struct file_asked *a, const struct file_facts *f)
{
	uint64_t at;
	if (a->if_range.len == 0)
		return true;
	if (etag_is_one(a->if_range))
		return etag_equal_strong(a->if_range, f->etag);
	/* 13.1.5: an exact match; and 8.8.2.2: strong only when the file has stood a while. */
	return http_date_read(a->if_range, f->now_s, &at) == OK && at == f->mtime_s &&
	       f->now_s > f->mtime_s + 1;
}

static void judge_range(const struct file_asked *a, const struct file_facts *f,
			struct file_answer *ret)
{
	ret->status = 200;
	if (!a->get || a->range.len == 0 || !if_range_holds(a, f))
		return;
	enum err e = range_read(a->range, f->size, ret->ranges, &ret->ranges_n);
	if (e == OK)
		ret->status = 206;
	else if (e == ERR_REFUSED)
		ret->status = 416;
}

void file_judge(const struct file_asked *a, const struct file_facts *f, struct file_answer *ret)
{
	*ret = (struct file_answer){0};
	if (a->if_match.len ? !etag_in_list(a->if_match, f->etag, true)
			    : a->if_unmodified_since.len && !not_newer(a->if_unmodified_since, f)) {
		/* A date that is none is passed over (13.1.4). */
		uint64_t at;
		if (a->if_match.len ||
		    http_date_read(a->if_unmodified_since, f->now_s, &at) == OK) {
			ret->status = 412;
			return;
		}
	}
	if (a->if_none_match.len ? etag_in_list(a->if_none_match, f->etag, false)
				 : a->if_modified_since.len && not_newer(a->if_modified_since, f)) {
		ret->status = 304;
		return;
	}
	judge_range(a, f, ret);
}
