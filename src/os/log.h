/* Lines to stderr, as text for people or JSON for machines, one write each. Knows nothing of files,
 *syslog or rotation; whoever holds the other end of stderr does.
 *
 *	log_info("zone loaded", LOG_TEXT("zone", name), LOG_U64("records", n));
 *
 * Each place in the code may print LOG_SITE_BURST lines a second; what is above is counted and told
 *with the next line of that place. May be called from any thread.
 */
#ifndef OS_LOG_H
#define OS_LOG_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum { LOG_SITE_BURST = 50, LOG_LINE_MAX = 4096, LOG_FIELDS_MAX = 24 };

struct log_field {
	const char *key; /* NULL ends the list. a-z, 0-9 and '_' */
	enum {
		LOG_FIELD_TEXT,
		LOG_FIELD_SPAN,
		LOG_FIELD_U64,
		LOG_FIELD_I64,
		LOG_FIELD_BOOL,
		LOG_FIELD_ERR,
		LOG_FIELD_ENDPOINT,
		LOG_FIELD_ADDRESS
	} kind;
	union {
		const char *text; /* NULL prints as "" */
		struct span span;
		uint64_t u64;
		int64_t i64;
		bool truth;
		enum err err; /* printed as its text */
		const struct ip_endpoint *endpoint;
		const struct ip_address *address;
	};
};
#define LOG_TEXT(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_TEXT, .text = (v)})
#define LOG_SPAN(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_SPAN, .span = (v)})
#define LOG_U64(k, v)  ((struct log_field){.key = (k), .kind = LOG_FIELD_U64, .u64 = (v)})
#define LOG_I64(k, v)  ((struct log_field){.key = (k), .kind = LOG_FIELD_I64, .i64 = (v)})
#define LOG_BOOL(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_BOOL, .truth = (v)})
#define LOG_ERR(v)     ((struct log_field){.key = "error", .kind = LOG_FIELD_ERR, .err = (v)})
#define LOG_ENDPOINT(k, v)                                                                         \
	((struct log_field){.key = (k), .kind = LOG_FIELD_ENDPOINT, .endpoint = (v)})
#define LOG_ADDRESS(k, v)                                                                          \
	((struct log_field){.key = (k), .kind = LOG_FIELD_ADDRESS, .address = (v)})
#define LOG_END ((struct log_field){.key = NULL})

/* service: the name in front of each line; borrowed, must live as long as the process. Before it is
 * called: info, text, "gatehouse". Text lines begin with the time, except for a terminal; for the
 * journal they begin with <priority> instead. */
void log_init(enum log_level level, enum log_format format, const char *service);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "error", "warning", "notice", "info", "debug"; false: none of these. */
MUST bool log_level_read(const char *text, enum log_level *ret);
const char *log_level_name(enum log_level level);

/* A place that logs; made by the macros. */
struct log_site {
	atomic_uint_fast64_t window_s;
	atomic_uint count;
};

void log_at(struct log_site *site, enum log_level level, const char *event,
	    const struct log_field *fields);

#define LOG_HERE_(level, event, ...)                                                               \
	do {                                                                                       \
		static struct log_site log_site_;                                                  \
		if ((level) <= log_get_level())                                                    \
			log_at(&log_site_, (level), (event),                                       \
			       (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END});    \
	} while (0)
#define log_error(event, ...)	LOG_HERE_(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warning(event, ...) LOG_HERE_(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_notice(event, ...)	LOG_HERE_(LOG_LEVEL_NOTICE, event, __VA_ARGS__)
#define log_info(event, ...)	LOG_HERE_(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)	LOG_HERE_(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
