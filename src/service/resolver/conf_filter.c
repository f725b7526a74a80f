/* The `policy` key of the resolver: what is answered for what the policy blocks. */
#include "service/resolver/conf.h"

#define TTL_MOST_MS 86400000

static const char *const answer_choices[] = {
	[FILTER_NXDOMAIN] = "nxdomain", [FILTER_ZERO] = "zero", [FILTER_PAGE] = "page", NULL};

static const struct config_key filter_keys[] = {
	{.name = "answer",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct resolver_filter_conf, answer),
	 .choices = answer_choices,
	 .fallback = "nxdomain",
	 .help = "for what is blocked: `nxdomain`, there is no such name; `zero`, its address is "
		 "0.0.0.0 and ::; `page`, it is one of `page`"},
	{.name = "page",
	 .type = CONFIG_ADDRESS,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct resolver_filter_conf, page),
	 .items_max = 2,
	 .example = "[192.0.2.80, \"2001:db8::80\"]",
	 .help = "the address of the page that says why, one of IPv4, one of IPv6 or both; "
		 "browsers "
		 "show it for http alone, as no certificate can name what is blocked"},
	{.name = "ttl",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct resolver_filter_conf, ttl_ms),
	 .fallback = "10s",
	 .max = TTL_MOST_MS,
	 .help = "so long clients may remember such an answer; a pause is felt after it"},
};

static void check_filter(const void *conf, struct config_at *at)
{
	const struct resolver_filter_conf *c = conf;
	const struct ip_address *page = c->page.items;
	if (c->answer == FILTER_PAGE && c->page.n == 0)
		config_fail(at, "page", "write the address of the page, or `answer: nxdomain`");
	if (c->answer != FILTER_PAGE && c->page.n)
		config_fail(at, "page", "it is told with `answer: page` alone");
	if (c->page.n == 2 && page[0].family == page[1].family)
		config_fail_item(at, "page", 1, "there is one of IPv%u already", page[0].family);
}

const struct config_map resolver_filter_map = {
	.help = "Blocks what the section `policy` blocks, for each client by its address, and "
		"sends "
		"search engines' names to those for safe search; aliases in answers are looked at "
		"too. `{}` turns it on",
	.size = sizeof(struct resolver_filter_conf),
	CONFIG_KEYS(filter_keys),
	.check = check_filter,
	.example = "{answer: nxdomain}",
};
