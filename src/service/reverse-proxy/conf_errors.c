#include "service/reverse-proxy/conf_errors.h"

#include "base/arena.h"
#include "proto/http/token.h"
#include "service/reverse-proxy/route/errors.h"
#include "service/reverse-proxy/route/mime.h"

static const struct config_key error_keys[] = {
	{.name = "status",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct reverse_error_conf, status),
	 .min = 3,
	 .max = 7,
	 .help = "`404`, or a range as `500-599`; the narrowest one counts"},
	{.name = "file",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct reverse_error_conf, file),
	 .example = "/srv/pages/404.html",
	 .help = "whose bytes are the page; read at the start and by each reload; 1M at most; a "
		 "folder that is new needs a restart"},
	{.name = "text",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_error_conf, text),
	 .min = 1,
	 .example = "\"We are back at noon.\"",
	 .help = "the page itself, instead of a file"},
	{.name = "type",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_error_conf, type),
	 .min = 1,
	 .max = 100,
	 .example = "application/json",
	 .help = "its media type; unless set that of the file's name, of a text `text/plain`"},
	{.name = "servers",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_error_conf, servers),
	 .fallback = "no",
	 .help = "also in place of pages with that status that servers send"},
};

static void check_error(const void *conf, struct config_at *at)
{
	const struct reverse_error_conf *c = conf;
	uint16_t first, last;
	if (error_statuses_read(c->status, &first, &last))
		config_fail(at, NULL,
			    "'%s' is no status of an error: write one from 400 to 599, or a range "
			    "as 500-599",
			    c->status);
	if (!c->file == !c->text)
		config_fail(at, c->text ? "text" : NULL,
			    "a page is a `file` or a `text`, one of both");
	if (c->type && !http_is_field_value(span_text(c->type)))
		config_fail(at, "type", "it has a byte that no field has");
}

const struct config_map reverse_error_map = {
	.help = "A page; the status stays what it is",
	.size = sizeof(struct reverse_error_conf),
	CONFIG_KEYS(error_keys),
	.check = check_error,
	.alone = "file",
	.example = "{file: /srv/pages/50x.html, servers: yes}",
};

static const char *type_of(const struct reverse_error_conf *c)
{
	if (c->type)
		return c->type;
	return c->file ? mime_of(span_text(c->file)) : "text/plain; charset=utf-8";
}

enum err reverse_error_pages(struct arena *a, const struct config_list *errors,
			     struct error_pages *ret)
{
	const struct reverse_error_conf *c = errors->items;
	*ret = (struct error_pages){.n = errors->n};
	ret->items = ARENA_ARRAY(a, struct error_page, errors->n + 1);
	if (!ret->items)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < errors->n; i++) {
		struct error_page *p = &ret->items[i];
		*p = (struct error_page){
			.servers = c[i].servers, .file = c[i].file, .type = type_of(&c[i])};
		if (c[i].text)
			p->body = span_text(c[i].text);
		/* Judged by check_error. */
		TRY(error_statuses_read(c[i].status, &p->first, &p->last));
	}
	return OK;
}
