#include "os/log.h"

#include "base/writer.h"
#include "os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What stands in front of a text line. */
enum prefix { PREFIX_TIME, PREFIX_NONE, PREFIX_PRIORITY };

/* The one mutable global of this file: set once at start, but for the level. */
static struct {
	_Atomic(enum log_level) level;
	enum log_format format;
	enum prefix prefix;
	const char *service;
} config = {.level = LOG_LEVEL_INFO, .service = "gatehouse"};

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug"};
static const char level_priorities[] = "34567"; /* syslog's, RFC 5424 6.2.1 */

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

bool log_level_read(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&config.level, level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return atomic_load_explicit(&config.level, memory_order_relaxed);
}

/* Whether stderr is the stream to the journal that systemd gave us: JOURNAL_STREAM=device:inode. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char ours[64];
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void log_init(enum log_level level, enum log_format format, const char *service)
{
	log_set_level(level);
	config.format = format;
	config.service = service;
	config.prefix = stderr_is_journal()	? PREFIX_PRIORITY
			: isatty(STDERR_FILENO) ? PREFIX_NONE
						: PREFIX_TIME;
}

/* ---- the rate of one place ---- */

/* Whether this line may be printed; ret_suppressed: how many were not, in the last window that had
 * such. */
static bool site_admits(struct log_site *site, unsigned *ret_suppressed)
{
	uint64_t now_s = clock_monotonic_ms() / 1000 + 1; /* 0: never used */
	uint64_t window_s = atomic_load_explicit(&site->window_s, memory_order_relaxed);
	*ret_suppressed = 0;
	if (window_s != now_s &&
	    atomic_compare_exchange_strong(&site->window_s, &window_s, now_s)) {
		unsigned count = atomic_exchange(&site->count, 1);
		*ret_suppressed = count > LOG_SITE_BURST ? count - LOG_SITE_BURST : 0;
		return true;
	}
	return atomic_fetch_add(&site->count, 1) < LOG_SITE_BURST;
}

/* ---- values ---- */

static void write_text_time(struct writer *w)
{
	uint64_t now_ms = clock_wall_ms();
	time_t now_s = (time_t)(now_ms / 1000);
	struct tm t;
	if (!gmtime_r(&now_s, &t))
		return;
	write_format(w, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", t.tm_year + 1900, t.tm_mon + 1,
		     t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, (unsigned)(now_ms % 1000));
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629 4), 0: none. */
static size_t utf8_length(struct span s)
{
	uint8_t c = s.data[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;
	if (c >= 0xf5 || (c >= 0x80 && c < 0xc2) || s.len < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s.data[i] & 0xc0) != 0x80)
			return 0;
	uint8_t second = n > 1 ? s.data[1] : 0;
	bool overlong = (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
	bool surrogate = c == 0xed && second >= 0xa0;
	bool beyond = c == 0xf4 && second >= 0x90;
	return overlong || surrogate || beyond ? 0 : n;
}

/* Between quotes, as JSON wants it (RFC 8259 7), and for people as well: no byte of a stranger's
 * name reaches a terminal raw. */
static void write_quoted(struct writer *w, struct span s)
{
	write_u8(w, '"');
	while (s.len) {
		uint8_t c = s.data[0];
		size_t n = utf8_length(s);
		if (c == '"' || c == '\\')
			write_format(w, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			write_format(w, "\\u%04x", c);
		else if (n == 0) /* not UTF-8: the replacement character */
			write_text(w, "\\ufffd");
		else if (n == 2 && c == 0xc2 && s.data[1] < 0xa0) /* C1 controls */
			write_format(w, "\\u%04x", s.data[1]);
		else
			write_span(w, span_sub(s, 0, n));
		s = span_sub(s, n ? n : 1, s.len);
	}
	write_u8(w, '"');
}

static bool is_plain(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] >= 0x7f || strchr("\"'\\=", s.data[i]))
			return false;
	return s.len > 0;
}

static void write_string(struct writer *w, struct span s)
{
	if (config.format == LOG_FORMAT_TEXT && is_plain(s))
		write_span(w, s);
	else
		write_quoted(w, s);
}

static void write_value(struct writer *w, const struct log_field *f)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	switch (f->kind) {
	case LOG_FIELD_TEXT: write_string(w, span_text(f->text ? f->text : "")); return;
	case LOG_FIELD_SPAN: write_string(w, f->span); return;
	case LOG_FIELD_U64: write_format(w, "%" PRIu64, f->u64); return;
	case LOG_FIELD_I64: write_format(w, "%" PRId64, f->i64); return;
	case LOG_FIELD_BOOL: write_text(w, f->truth ? "true" : "false"); return;
	case LOG_FIELD_ERR: write_string(w, span_text(err_text(f->err))); return;
	case LOG_FIELD_ADDRESS:
		write_string(w, span_of(text, ip_address_format(f->address, text)));
		return;
	case LOG_FIELD_ENDPOINT:
		write_string(w, span_of(text, ip_endpoint_format(f->endpoint, text)));
		return;
	}
}

/* ---- lines ---- */

static void write_json_head(struct writer *w, enum log_level level, const char *event)
{
	write_text(w, "{\"time\":\"");
	write_text_time(w);
	write_format(w, "\",\"level\":\"%s\",\"service\":", level_names[level]);
	write_quoted(w, span_text(config.service));
	write_text(w, ",\"event\":");
	write_quoted(w, span_text(event));
}

static void write_text_head(struct writer *w, enum log_level level, const char *event)
{
	if (config.prefix == PREFIX_PRIORITY)
		write_format(w, "<%c>", level_priorities[level]);
	if (config.prefix == PREFIX_TIME) {
		write_text_time(w);
		write_u8(w, ' ');
	}
	if (config.prefix != PREFIX_PRIORITY)
		write_format(w, "%s ", level_names[level]);
	write_format(w, "%s: %s", config.service, event);
}

/* Whole or not at all: a line that is full keeps what fitted and is still a line. */
static void write_field(struct writer *w, const struct log_field *f)
{
	size_t before = w->pos;
	write_format(w, config.format == LOG_FORMAT_JSON ? ",\"%s\":" : " %s=", f->key);
	write_value(w, f);
	if (w->bad)
		writer_rewind(w, before);
}

void log_at(struct log_site *site, enum log_level level, const char *event,
	    const struct log_field *fields)
{
	uint8_t line[LOG_LINE_MAX];
	unsigned suppressed = 0;
	int saved = errno;
	if (!site_admits(site, &suppressed))
		return;
	struct writer w = writer_of(line, sizeof(line) - 2); /* room for the end */
	if (config.format == LOG_FORMAT_JSON)
		write_json_head(&w, level, event);
	else
		write_text_head(&w, level, event);
	for (size_t i = 0; i < LOG_FIELDS_MAX && fields[i].key; i++)
		write_field(&w, &fields[i]);
	if (suppressed) {
		const struct log_field f = LOG_U64("suppressed", suppressed);
		write_field(&w, &f);
	}
	size_t len = w.pos;
	if (config.format == LOG_FORMAT_JSON)
		line[len++] = '}';
	line[len++] = '\n';
	(void)!write(STDERR_FILENO, line, len); /* nowhere to complain */
	errno = saved;
}
