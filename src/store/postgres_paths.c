#include "base/writer.h"
#include "store/postgres_library.h"

/* For names: libc's files. For TLS: OpenSSL's. For a URL without a host: where Debian's socket is.
 */
static const char *const always[] = {"/etc/resolv.conf",    "/etc/hosts",     "/etc/host.conf",
				     "/etc/gai.conf",	    "/etc/services",  "/etc/ssl",
				     "/var/run/postgresql", "/run/postgresql"};

static const char *const options[] = {"host",	"sslrootcert", "sslcert",  "sslkey",
				      "sslcrl", "sslcrldir",   "passfile", "servicefile"};

static enum err add(struct store_paths *p, size_t *len, const char *path)
{
	if (*len + 1 >= sizeof(p->list) / sizeof(p->list[0]))
		return ERR_LIMIT;
	p->list[(*len)++] = path;
	return OK;
}

/* Hosts are a list with commas; those that begin with a slash are directories of sockets. */
static enum err add_value(struct store_paths *p, size_t *len, struct writer *w, struct span value)
{
	while (value.len > 0) {
		size_t comma = span_find(value, ',');
		struct span one = span_sub(value, 0, comma);
		if (one.len > 0 && one.data[0] == '/') {
			const char *at = p->text + w->pos;
			write_span(w, one);
			write_u8(w, 0);
			TRY(writer_check(w));
			TRY(add(p, len, at));
		}
		value = span_sub(value, comma + 1, value.len);
	}
	return OK;
}

static bool is_path(const char *keyword)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(keyword, options[i]) == 0)
			return true;
	return false;
}

enum err store_paths(const char *url, struct store_paths *ret)
{
	size_t len = 0;
	struct writer w = writer_of(ret->text, sizeof(ret->text));
	memset(ret->list, 0, sizeof(ret->list));
	if (!url || !*url)
		return OK;
	char reason[STORE_REASON_MAX];
	struct postgres_library lib;
	TRY(postgres_library_open(POSTGRES_LIBRARY, reason, &lib));
	PQconninfoOption *all = lib.PQconninfoParse(url, NULL);
	if (!all)
		return ERR_CONFIG;
	enum err e = OK;
	for (size_t i = 0; !e && i < sizeof(always) / sizeof(always[0]); i++)
		e = add(ret, &len, always[i]);
	for (const PQconninfoOption *o = all; !e && o->keyword; o++)
		if (o->val && is_path(o->keyword))
			e = add_value(ret, &len, &w, span_text(o->val));
	lib.PQconninfoFree(all);
	return e;
}
