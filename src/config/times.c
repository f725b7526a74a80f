#include "config/times.h"

#include "base/span.h"

static const char *const day_choices[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

static const struct config_key times_keys[] = {
	{.name = "days",
	 .type = CONFIG_CHOICE,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct config_times, days),
	 .choices = day_choices,
	 .fallback = "mon, tue, wed, thu, fri, sat, sun",
	 .example = "[mon, tue, wed, thu, fri]",
	 .help = "on these days"},
	{.name = "from",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct config_times, from),
	 .fallback = "00:00",
	 .example = "\"21:00\"",
	 .help = "from this hour and minute on"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct config_times, to),
	 .fallback = "24:00",
	 .example = "\"06:30\"",
	 .help = "to this one; one that is not after `from` is of the next day"},
};

bool config_minutes_read(const char *text, uint16_t *ret)
{
	struct span s = span_text(text);
	uint64_t hours, minutes;
	size_t colon = span_find(s, ':');
	if (colon < 1 || colon > 2 || s.len != colon + 3 ||
	    !span_to_u64(span_sub(s, 0, colon), 24, &hours) ||
	    !span_to_u64(span_sub(s, colon + 1, s.len), 59, &minutes) || (hours == 24 && minutes))
		return false;
	*ret = (uint16_t)(hours * 60 + minutes);
	return true;
}

static void check_times(const void *conf, struct config_at *at)
{
	const struct config_times *c = conf;
	uint16_t from, to;
	if (!config_minutes_read(c->from, &from) || from == CONFIG_DAY_MINUTES)
		config_fail(at, "from", "'%s' is no time of the day; write one like 21:00",
			    c->from);
	if (!config_minutes_read(c->to, &to))
		config_fail(at, "to", "'%s' is no time of the day; write one like 06:30", c->to);
}

const struct config_map config_times_map = {
	.help = "A part of some days",
	.size = sizeof(struct config_times),
	CONFIG_KEYS(times_keys),
	.check = check_times,
	.example = "{days: [mon, tue, wed, thu, fri], from: \"21:00\", to: \"06:30\"}",
};

struct config_window config_times_read(const struct config_times *c)
{
	struct config_window w = {0};
	const int *days = c->days.items;
	bool right = config_minutes_read(c->from, &w.from) && config_minutes_read(c->to, &w.to);
	ASSERT(right);
	for (size_t i = 0; i < c->days.n; i++)
		w.days |= (uint8_t)(1 << days[i]);
	return w;
}
