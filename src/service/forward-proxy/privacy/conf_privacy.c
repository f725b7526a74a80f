#include "service/forward-proxy/privacy/conf_privacy.h"

#include "proto/http/token.h"
#include "service/forward-proxy/privacy/privacy.h"

static const char *const levels[] = {"none", "proxy", "anonymous", "strict", NULL};

static const struct config_key privacy_keys[] = {
	{.name = "level",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct forward_privacy_conf, level),
	 .choices = levels,
	 .fallback = "proxy",
	 .help = "`none`: a server learns of the proxy and of the client's address, as most "
		 "proxies "
		 "have it; `proxy`: of the proxy alone; `anonymous`: of neither, nor by what a "
		 "client takes from site to site; `strict`: all clients look alike. The table is "
		 "in "
		 "gatehouse-forward-proxy(1). What goes through tunnels is not read"},
	{.name = "user-agent",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_privacy_conf, user_agent),
	 .min = 1,
	 .max = 256,
	 .fallback = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 "
		     "Firefox/128.0",
	 .help = "everybody's, with `strict`"},
	{.name = "accept-language",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct forward_privacy_conf, accept_language),
	 .min = 1,
	 .max = 128,
	 .fallback = "en-US,en;q=0.5",
	 .help = "everybody's, with `strict`"},
};

static void check_privacy(const void *conf, struct config_at *at)
{
	const struct forward_privacy_conf *c = conf;
	if (!http_is_field_value(span_text(c->user_agent)))
		config_fail(at, "user-agent", "no control bytes");
	if (!http_is_field_value(span_text(c->accept_language)))
		config_fail(at, "accept-language", "no control bytes");
}

const struct config_map forward_privacy_map = {
	.help = "What requests in the clear tell servers of who sent them",
	.size = sizeof(struct forward_privacy_conf),
	CONFIG_KEYS(privacy_keys),
	.check = check_privacy,
	.alone = "level",
	.example = "{level: strict, accept-language: \"ko-KR,ko;q=0.9\"}",
};

void forward_privacy(const struct forward_privacy_conf *c, struct privacy_conf *ret)
{
	*ret = (struct privacy_conf){.level = (enum privacy_level)c->level,
				     .user_agent = span_text(c->user_agent),
				     .accept_language = span_text(c->accept_language)};
}
