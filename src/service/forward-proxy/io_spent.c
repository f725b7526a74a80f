/* What is told to who has used up his quota: which one, and until when. */
#include "base/writer.h"
#include "os/clock.h"
#include "service/forward-proxy/access/quota.h"
#include "service/forward-proxy/io_face.h"

enum { TEXT_MAX = 384 };

bool forward_is_spent(const struct forward_exchange *e)
{
	uint64_t ends_s;
	return forward_spent(e, &ends_s) != NULL;
}

void forward_tell_spent(struct forward_exchange *e)
{
	uint64_t ends_s;
	const struct quota *q = forward_spent(e, &ends_s);
	if (q)
		e->detail = span_text(q->name);
}

/* As the configuration may have it, with a digit behind the point where it is not whole. */
static void write_amount(struct writer *w, uint64_t n)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;
	uint64_t part = 0;
	while (n >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		part = n % 1024;
		n /= 1024;
		unit++;
	}
	write_format(w, "%llu", (unsigned long long)n);
	if (part * 10 / 1024)
		write_format(w, ".%llu", (unsigned long long)(part * 10 / 1024));
	write_format(w, " %s", units[unit]);
}

static void write_amounts(struct writer *w, const struct quota *q, bool korean)
{
	const struct {
		uint64_t n;
		const char *before, *behind;
	} parts[] = {
		{q->bytes, "", ""},
		{q->ways[BANDWIDTH_DOWN], korean ? "내려받기 " : "", korean ? "" : " down"},
		{q->ways[BANDWIDTH_UP], korean ? "올리기 " : "", korean ? "" : " up"},
	};
	bool first = true;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].n)
			continue;
		write_text(w, first ? "" : ", ");
		write_text(w, parts[i].before);
		write_amount(w, parts[i].n);
		write_text(w, parts[i].behind);
		first = false;
	}
}

static void write_moment(struct writer *w, const struct period_date *d)
{
	write_format(w, "%04u-%02u-%02u %02u:%02u", d->year, d->month, d->day, d->hour, d->minute);
}

static void write_reason(struct writer *w, const struct quota *q, const struct period_date *ends,
			 bool korean)
{
	static const char *const every[] = {"day", "week", "month"};
	static const char *const every_korean[] = {"매일", "매주", "매달"};
	if (korean)
		write_format(w, "%s: %s ", q->name, every_korean[q->period.every]);
	else
		write_format(w, "%s: ", q->name);
	write_amounts(w, q, korean);
	if (!korean)
		write_format(w, " each %s", every[q->period.every]);
	write_text(w, korean ? ". 다음 기간은 " : ". The next begins on ");
	write_moment(w, ends);
	write_text(w, korean ? "에 시작합니다." : ".");
}

enum forward_step forward_refuse_spent(struct forward_exchange *e, struct proxy_verdict *ret)
{
	uint64_t ends_s = 0, now_s = clock_wall_s();
	const struct quota *q = forward_spent(e, &ends_s);
	char text[TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));
	/* More was granted, or the next period began, in this moment. */
	if (!q)
		return forward_refuse(e, REFUSAL_QUOTA, (struct span){0}, ret);
	const struct period_date ends = period_date(e->limited_by->site->quotas.zone, ends_s);
	write_reason(&w, q, &ends, e->language == PAGE_KOREAN);
	e->reason = w.bad ? (struct span){0} : proxy_exchange_store(e->x, writer_span(&w));
	e->again_s = ends_s > now_s ? (uint32_t)(ends_s - now_s) : 1;
	e->detail = span_text(q->name);
	return forward_refuse(e, REFUSAL_QUOTA, e->detail, ret);
}
