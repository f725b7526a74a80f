#include "service/forward-proxy/conf_upstream.h"

#include "base/arena.h"
#include "service/forward-proxy/upstream.h"

enum { PLACES_MAX = 1024, TEXT_MAX = 255 /* RFC 1929 2 */ };

static const struct config_key upstream_keys[] = {
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct forward_upstream_conf, to),
	 .min = 1,
	 .max = 255,
	 .items_max = PLACES_MAX,
	 .example = "[\"*.onion\"]",
	 .help = "names (`*.onion` is all below `onion`), and prefixes for addresses that clients "
		 "write as such; everything unless set"},
	{.name = "socks",
	 .type = CONFIG_ENDPOINT,
	 CONFIG_FIELD(struct forward_upstream_conf, socks),
	 CONFIG_PRESENT(struct forward_upstream_conf, has_socks),
	 .port = 1080,
	 .example = "127.0.0.1:9050",
	 .help = "the SOCKS 5 server that leads there, Tor's for instance; it gets the name and "
		 "resolves it, the DNS is not asked. Without it what is in `to` is gone to "
		 "directly: an exception from items below"},
	{.name = "user",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_upstream_conf, user),
	 .min = 1,
	 .max = TEXT_MAX,
	 .help = "who we are to it (RFC 1929); nobody unless set"},
	{.name = "password",
	 .type = CONFIG_SECRET,
	 CONFIG_FIELD(struct forward_upstream_conf, password),
	 .min = 1,
	 .max = TEXT_MAX,
	 .help = "with `user`"},
};

static void check(const void *conf, struct config_at *at)
{
	const struct forward_upstream_conf *c = conf;
	for (size_t i = 0; i < c->to.n; i++) {
		const char *text = ((const char *const *)c->to.items)[i];
		char room[256];
		struct access_place place;
		enum err e = access_place_read(span_text(text), room, &place);
		if (e)
			config_fail_item(at, "to", i,
					 "'%s' is no place; write a name, *.NAME or a prefix",
					 text);
	}
	if (!c->has_socks && c->to.n == 0)
		config_fail(at, NULL, "this says nothing: write `socks`, or `to` for an exception");
	if (!c->user != !c->password.len)
		config_fail(at, c->user ? "user" : "password", "`user` and `password` go together");
	if (c->user && !c->has_socks)
		config_fail(at, "user", "there is no server that is told it: write `socks`");
}

const struct config_map forward_upstream_map = {
	.help = "A proxy of others that leads to some destinations",
	.size = sizeof(struct forward_upstream_conf),
	CONFIG_KEYS(upstream_keys),
	.check = check,
	.example = "{to: [\"*.onion\"], socks: 127.0.0.1:9050}",
};

static enum err places_of(struct arena *a, const struct config_list *list, struct upstream *ret)
{
	struct access_place *places = ARENA_ARRAY(a, struct access_place, list->n + 1);
	if (!places)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		struct span text = span_text(((const char *const *)list->items)[i]);
		char *room = arena_alloc(a, text.len + 1, 1);
		if (!room)
			return (enum err)ENOMEM;
		TRY(access_place_read(text, room, &places[i]));
	}
	ret->to = places;
	ret->to_n = list->n;
	return OK;
}

enum err forward_upstreams(struct arena *a, const struct config_list *list,
			   const struct upstream **ret)
{
	const struct forward_upstream_conf *c = list->items;
	struct upstream *all = ARENA_ARRAY(a, struct upstream, list->n + 1);
	if (!all)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		all[i] = (struct upstream){.direct = !c[i].has_socks,
					   .socks = c[i].socks,
					   .user = span_text(c[i].user ? c[i].user : ""),
					   .password = c[i].password};
		TRY(places_of(a, &c[i].to, &all[i]));
	}
	*ret = all;
	return OK;
}
