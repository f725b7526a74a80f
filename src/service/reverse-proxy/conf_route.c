#include "service/reverse-proxy/conf_route.h"

#include "base/nearest.h"
#include "proto/ip/address.h"
#include "service/reverse-proxy/conf.h"

static const struct config_key route_keys[] = {
	{.name = "host",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_route_conf, host),
	 .min = 1,
	 .max = 253,
	 .items_max = 256,
	 .example = "[www.home.arpa, \"*.apps.home.arpa\"]",
	 .help = "names that the request asks; any unless set"},
	{.name = "path",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_route_conf, path),
	 .min = 1,
	 .max = 1024,
	 .items_max = 256,
	 .example = "[/api/, \"=/health\"]",
	 .help = "how its path begins, or with a `=` in front the whole of it; any unless set"},
	{.name = "to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_route_conf, to),
	 .min = 1,
	 .max = 255,
	 .example = "web",
	 .help = "a pool's name, or a server's address and port"},
};

const struct config_map reverse_route_map = {
	.help = "Which requests, and where they go",
	.size = sizeof(struct reverse_route_conf),
	CONFIG_KEYS(route_keys),
	CONFIG_LINE(struct reverse_route_conf, line),
	.example = "{host: www.home.arpa, to: \"10.0.0.11:80\"}",
};

static void tell_unknown_pool(const struct reverse_conf *conf, size_t route, const char *to,
			      struct config_at *at)
{
	const struct reverse_pool_conf *pools = conf->pools.items;
	const struct config_step steps[] = {{"routes", route}, {"to", CONFIG_STEP_WHOLE}};
	struct nearest near = nearest_to(to);
	for (size_t i = 0; i < conf->pools.n; i++)
		nearest_offer(&near, pools[i].name);
	config_meant(at, near.word);
	config_fail_inside(at, steps, 2, "there is no pool '%s', and it is no address with a port",
			   to);
}

void reverse_route_check(const struct reverse_conf *conf, struct config_at *at)
{
	const struct reverse_route_conf *routes = conf->routes.items;
	for (size_t i = 0; i < conf->routes.n; i++) {
		struct ip_endpoint e;
		if (reverse_pool_find(conf, routes[i].to) == SIZE_MAX &&
		    ip_endpoint_parse(span_text(routes[i].to), 0, &e) != OK)
			tell_unknown_pool(conf, i, routes[i].to, at);
	}
}
