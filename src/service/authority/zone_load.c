#include "service/authority/zone_load.h"

#include "base/writer.h"
#include "proto/dns/type.h"
#include "proto/dns/zonefile.h"

#include <stdlib.h>

struct loading {
	const struct zone_load_request *req;
	struct zone_build *build;
	unsigned depth;
	uint8_t scratch[DNS_ZONEFILE_SCRATCH];
};

static enum err load_text(struct loading *l, struct dns_zonefile *parser,
			  const struct zone_text *text, uint16_t file);

static bool is_stopped(const struct loading *l)
{
	return l->req->stop && atomic_load_explicit(l->req->stop, memory_order_relaxed);
}

static struct zone_place place_of(const struct dns_zonefile_record *rec, uint16_t file)
{
	return (struct zone_place){
		.line = rec->line,
		.column = (uint16_t)(rec->column > UINT16_MAX ? UINT16_MAX : rec->column),
		.file = file,
	};
}

static void tell_unopened(struct loading *l, const struct zone_place *at, struct span path,
			  enum err e)
{
	char text[512];
	struct writer w = writer_of(text, sizeof(text) - 1);

	write_format(&w, "cannot open %.*s: %s", (int)(path.len > 400 ? 400 : path.len),
		     (const char *)path.data, err_text(e));
	text[w.pos] = 0;
	zone_build_tell(l->build, ZONE_ERROR, at, text);
}

/* RFC 1035 5.1: the included file has an origin of its own, and leaves ours as it was. */
static enum err load_include(struct loading *l, struct dns_zonefile *parser,
			     const struct dns_zonefile_record *rec, const char *from, uint16_t file)
{
	const struct zone_source *source = l->req->source;
	struct zone_place at = place_of(rec, file);
	struct dns_name origin = *rec->origin;
	struct dns_zonefile *nested;
	struct zone_text *text = NULL;
	uint16_t number;
	enum err e;

	if (l->depth == ZONE_INCLUDE_DEPTH_MAX) {
		zone_build_tell(l->build, ZONE_ERROR, &at,
				"$INCLUDE: too deep; does a file include itself?");
		return OK;
	}
	e = source->open(source->arg, rec->path, from, &text);
	if (e) {
		tell_unopened(l, &at, rec->path, e);
		return e == ENOMEM ? e : OK;
	}
	nested = malloc(sizeof(*nested));
	e = nested ? zone_build_file(l->build, text->path, &text->stamp, &number) : ENOMEM;
	if (e == ERR_LIMIT) {
		zone_build_tell(l->build, ZONE_ERROR, &at, "$INCLUDE: too many files");
		e = OK;
	} else if (!e) {
		dns_zonefile_init_nested(nested, parser, text->text, &origin);
		l->depth++;
		e = load_text(l, nested, text, number);
		l->depth--;
		dns_zonefile_leave_nested(parser, nested);
	}
	free(nested);
	source->close(source->arg, text);
	return e;
}

static enum err load_text(struct loading *l, struct dns_zonefile *parser,
			  const struct zone_text *text, uint16_t file)
{
	struct dns_zonefile_record rec;

	for (;;) {
		enum dns_zonefile_result result = dns_zonefile_next(parser, &rec);
		if (is_stopped(l))
			return ERR_CLOSED;
		if (result == DNS_ZONEFILE_END)
			return OK;
		struct zone_place at = place_of(&rec, file);
		if (result == DNS_ZONEFILE_ERROR) {
			zone_build_tell(l->build, ZONE_ERROR, &at, rec.message);
			continue;
		}
		if (result == DNS_ZONEFILE_INCLUDE) {
			TRY(load_include(l, parser, &rec, text->path, file));
			continue;
		}
		TRY(zone_build_add(l->build, &(struct zone_build_record){
						     .owner = rec.owner,
						     .type = rec.type,
						     .class = rec.class,
						     .ttl_s = rec.ttl_s,
						     .rdata = rec.rdata,
						     .at = at,
					     }));
	}
}

static enum err load_first(struct loading *l, struct zone **ret)
{
	const struct zone_source *source = l->req->source;
	struct zone_text *text = NULL;
	struct dns_zonefile *parser;
	uint16_t file;
	enum err e = source->open(source->arg, span_text(l->req->path), NULL, &text);

	if (e) {
		tell_unopened(l, NULL, span_text(l->req->path), e);
		return e == ENOMEM ? e : ERR_CONFIG;
	}
	parser = malloc(sizeof(*parser));
	e = parser ? zone_build_file(l->build, text->path, &text->stamp, &file) : ENOMEM;
	if (!e) {
		dns_zonefile_init(parser, text->text, l->req->origin, l->scratch,
				  sizeof(l->scratch));
		e = load_text(l, parser, text, file);
	}
	free(parser);
	source->close(source->arg, text);
	return e ? e : zone_build_finish(l->build, ret);
}

enum err zone_load(const struct zone_load_request *req, struct zone **ret)
{
	struct loading *l = malloc(sizeof(*l));
	enum err e;

	if (!l)
		return ENOMEM;
	l->req = req;
	l->build = NULL;
	l->depth = 0;
	e = zone_build_new(req->origin, req->key, req->judge, &l->build);
	if (!e)
		e = load_first(l, ret);
	zone_build_free(l->build);
	free(l);
	return e;
}

enum err zone_load_origin(struct span text, struct dns_name *ret)
{
	struct dns_zonefile *parser = malloc(sizeof(*parser) + DNS_ZONEFILE_SCRATCH);
	struct dns_zonefile_record rec;
	struct dns_name guess = {.len = 3, .wire = {1, 0, 0}}; /* stands for "not said" */
	enum dns_zonefile_result result;
	enum err e = ERR_ABSENT;

	if (!parser)
		return ENOMEM;
	dns_zonefile_init(parser, text, &guess, parser + 1, DNS_ZONEFILE_SCRATCH);
	do {
		result = dns_zonefile_next(parser, &rec);
	} while (result == DNS_ZONEFILE_ERROR);
	if (result == DNS_ZONEFILE_RECORD && rec.type == DNS_TYPE_SOA &&
	    !dns_name_is_under(rec.owner, &guess)) {
		*ret = *rec.owner_case;
		e = OK;
	}
	free(parser);
	return e;
}
