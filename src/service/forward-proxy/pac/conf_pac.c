#include "service/forward-proxy/pac/conf_pac.h"

#include "base/arena.h"
#include "base/writer.h"
#include "service/forward-proxy/pac/pac.h"

static const struct config_key pac_keys[] = {
	{.name = "proxies",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_pac_conf, proxies),
	 .min = 1,
	 .max = 272,
	 .items_min = 1,
	 .items_max = PAC_PROXIES_MAX,
	 .example = "[\"https://proxy.home.arpa:3129\", \"http://10.0.0.1:3128\"]",
	 .help = "what browsers are told, in the order in which they try: `https://`, `http://` or "
		 "`socks5://`, a name or an address by which they reach this proxy, a port"},
	{.name = "direct",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_pac_conf, direct),
	 .fallback = "localhost, *.localhost, home.arpa, *.home.arpa, *.local, 127.0.0.0/8, "
		     "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, ::1, fc00::/7, "
		     "fe80::/10",
	 .min = 1,
	 .max = 255,
	 .items_max = PAC_DIRECT_MAX,
	 .example = "[\"*.home.arpa\", 10.0.0.0/8]",
	 .help = "what they go to without a proxy: names (`*.home.arpa` is all below `home.arpa`) "
		 "and prefixes, which fit addresses that are written as such; no name is asked "
		 "for"},
	{.name = "plain-names",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_pac_conf, plain_names),
	 .fallback = "yes",
	 .help = "names without a dot without a proxy, too"},
	{.name = "fallback",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_pac_conf, fallback),
	 .fallback = "no",
	 .help = "when no proxy answers they go without one"},
};

static void check_pac(const void *conf, struct config_at *at)
{
	const struct forward_pac_conf *c = conf;
	const char *const *proxies = c->proxies.items, *const *direct = c->direct.items;
	for (size_t i = 0; i < c->proxies.n; i++) {
		struct pac_proxy p;
		enum err e = pac_proxy_read(span_text(proxies[i]), &p);
		if (e)
			config_fail_item(at, "proxies", i,
					 e == ERR_UNSUPPORTED
						 ? "'%s' is no proxy; write https://HOST:PORT, "
						   "http://HOST:PORT or socks5://HOST:PORT"
						 : "'%s' has no host and port that is one place "
						   "only",
					 proxies[i]);
	}
	for (size_t i = 0; i < c->direct.n; i++) {
		struct access_place place;
		char room[256];
		if (access_place_read(span_text(direct[i]), room, &place))
			config_fail_item(at, "direct", i,
					 "'%s' is no place; write a name, *.NAME or a prefix",
					 direct[i]);
	}
}

const struct config_map forward_pac_map = {
	.help = "The script by which browsers find the proxy, `/proxy.pac` and `/wpad.dat` at each "
		"of "
		"its addresses; DHCP's option 252 (`wpad`) tells them where",
	.size = sizeof(struct forward_pac_conf),
	CONFIG_KEYS(pac_keys),
	.check = check_pac,
	.alone = "proxies",
	.example = "{proxies: \"https://proxy.home.arpa:3129\", fallback: yes}",
};

enum err forward_pac_text(struct arena *a, const struct forward_pac_conf *c, struct span *ret)
{
	const char *const *proxies = c->proxies.items, *const *direct = c->direct.items;
	struct pac_proxy *read = ARENA_ARRAY(a, struct pac_proxy, c->proxies.n + 1);
	struct access_place *places = ARENA_ARRAY(a, struct access_place, c->direct.n + 1);
	uint8_t *room = arena_alloc(a, PAC_SIZE_MAX, 1);
	if (!read || !places || !room)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < c->proxies.n; i++)
		TRY(pac_proxy_read(span_text(proxies[i]), &read[i]));
	for (size_t i = 0; i < c->direct.n; i++) {
		struct span text = span_text(direct[i]);
		char *name = arena_alloc(a, text.len + 1, 1);
		if (!name)
			return (enum err)ENOMEM;
		TRY(access_place_read(text, name, &places[i]));
	}
	const struct pac p = {.proxies = read,
			      .proxies_n = c->proxies.n,
			      .direct = places,
			      .direct_n = c->direct.n,
			      .plain_names = c->plain_names,
			      .fallback = c->fallback};
	struct writer w = writer_of(room, PAC_SIZE_MAX);
	pac_write(&p, &w);
	TRY(writer_check(&w));
	*ret = writer_span(&w);
	return OK;
}
