#include "config/sample_test.h"

#include "config/table.h"

#include <stdio.h>

static const char *const modes[] = {"on", "strict", "off", NULL};

static const struct config_key limits_keys[] = {
	{.name = "clients",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct sample_limits, clients),
	 .fallback = "256",
	 .min = 1,
	 .max = 65536,
	 .help = "Connections at once"},
	{.name = "idle",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct sample_limits, idle_ms),
	 .fallback = "10s",
	 .min = 1000,
	 .max = 3600000,
	 .help = "Close a silent connection after this"},
};

static const struct config_map limits_map = {
	.help = "What a stranger may take",
	.size = sizeof(struct sample_limits),
	CONFIG_KEYS(limits_keys),
};

static const struct config_key zone_keys[] = {
	{.name = "origin",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct sample_zone, origin),
	 .help = "Name of the zone"},
	{.name = "file",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct sample_zone, file),
	 .example = "example.com.zone",
	 .help = "Its master file"},
	{.name = "transfer",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_LIST,
	 CONFIG_FIELD(struct sample_zone, transfer),
	 .help = "Who may copy it"},
};

static const struct config_map zone_map = {
	.help = "A zone",
	.size = sizeof(struct sample_zone),
	CONFIG_LINE(struct sample_zone, line),
	CONFIG_KEYS(zone_keys),
};

static const struct config_key pool_keys[] = {
	{.name = "name",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_ENTRY_NAME,
	 CONFIG_FIELD(struct sample_pool, name),
	 .min = 1,
	 .max = 16,
	 .help = "Name of the pool"},
	{.name = "range",
	 .type = CONFIG_RANGE,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct sample_pool, range),
	 .help = "Addresses that are given away"},
	{.name = "lease",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct sample_pool, lease_ms),
	 .fallback = "12h",
	 .help = "How long one has them"},
	{.name = "small",
	 .type = CONFIG_INTEGER,
	 .flags = CONFIG_NARROWER,
	 CONFIG_FIELD(struct sample_pool, small),
	 .help = "A small number"},
	{.name = "level",
	 .type = CONFIG_INTEGER,
	 .flags = CONFIG_NARROWER,
	 CONFIG_FIELD(struct sample_pool, level),
	 .help = "A number without a sign"},
};

static const struct config_map pool_map = {
	.help = "A pool of addresses",
	.size = sizeof(struct sample_pool),
	CONFIG_LINE(struct sample_pool, line),
	CONFIG_KEYS(pool_keys),
	.alone = "range",
};

static const struct config_row colour_rows[] = {
	{.name = "red", .takes = "number"},
	{.name = "green", .takes = "number"},
	{.name = "mix", .takes = "number", .is_list = true},
};

static bool colour_row(size_t n, struct config_row *ret)
{
	if (n >= sizeof(colour_rows) / sizeof(colour_rows[0]))
		return false;
	*ret = colour_rows[n];
	return true;
}

static enum err colour_read(struct config_memory *memory, const struct config_entry *e, void *into,
			    struct config_complaint *ret_why, struct config_blame *ret_blame)
{
	struct sample_colour c = {.items = (uint32_t)e->items_n, .list = e->is_list};
	uint64_t number;
	(void)memory;
	bool mix = span_is(e->name, "mix");
	if (!mix && !span_is(e->name, "red") && !span_is(e->name, "green") &&
	    !span_to_u64(e->name, 255, &number))
		return ERR_ABSENT;
	(void)span_to_cstr(e->name, c.name, sizeof(c.name));
	for (size_t i = 0; i < e->items_n; i++) {
		for (size_t p = 0; p < e->items[i].parts_n; p++, c.parts++) {
			*ret_blame = (struct config_blame){.item = i, .part = p};
			(void)snprintf(ret_why->expected, sizeof(ret_why->expected), "a number");
			if (!span_to_u64(e->items[i].parts[p].text, 1000, &number))
				return ERR_FORMAT;
			c.sum += (uint32_t)number;
		}
	}
	if (!mix && c.parts != 1) {
		(void)snprintf(ret_why->message, sizeof(ret_why->message), "is one number");
		return ERR_FORMAT;
	}
	*(struct sample_colour *)into = c;
	return OK;
}

static const struct config_table colour_table = {
	.title = "COLOURS",
	.help = "How much of each colour",
	.size = sizeof(struct sample_colour),
	.row = colour_row,
	.others = "a number from 0 to 255",
	.read = colour_read,
};

#define ONE(member) CONFIG_FIELD(struct sample_one, member)

static const struct config_key one_keys[] = {
	{.name = "fast", .type = CONFIG_BOOL, ONE(fast), .fallback = "on", .help = "Be fast"},
	{.name = "small", .type = CONFIG_INTEGER, ONE(small), .help = "A small number"},
	{.name = "level",
	 .type = CONFIG_INTEGER,
	 ONE(level),
	 .min = -10,
	 .max = 10,
	 .fallback = "-3",
	 .help = "A number with a sign"},
	{.name = "wait", .type = CONFIG_DURATION, ONE(wait_ms), .help = "Wait this long"},
	{.name = "cache",
	 .type = CONFIG_SIZE,
	 ONE(cache),
	 .min = 1024,
	 .fallback = "64M",
	 .help = "Bound of the cache"},
	{.name = "source", .type = CONFIG_ADDRESS, ONE(source), .help = "Ask from here"},
	{.name = "listen",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 ONE(listen),
	 .port = 53,
	 .fallback = "127.0.0.1, [::1]:5300",
	 .items_min = 1,
	 .items_max = 8,
	 .help = "Serve here"},
	{.name = "peer",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_PORT_OPEN,
	 ONE(peer),
	 .help = "Ask here"},
	{.name = "upstream", .type = CONFIG_ENDPOINT, ONE(upstream), .help = "Ask there"},
	{.name = "network", .type = CONFIG_PREFIX, ONE(network), .help = "The network"},
	{.name = "range", .type = CONFIG_RANGE, ONE(range), .help = "A range"},
	{.name = "port", .type = CONFIG_PORT, ONE(port), .help = "A port"},
	{.name = "name", .type = CONFIG_NAME, ONE(name), .fallback = ".", .help = "A name"},
	{.name = "identity", .type = CONFIG_TEXT, ONE(identity), .max = 8, .help = "A text"},
	{.name = "file",
	 .type = CONFIG_PATH,
	 ONE(file),
	 .fallback = "default.file",
	 .help = "A file"},
	{.name = "secret",
	 .type = CONFIG_SECRET,
	 ONE(secret),
	 .min = 4,
	 .max = 32,
	 .help = "What nobody may see"},
	{.name = "mode",
	 .type = CONFIG_CHOICE,
	 ONE(mode),
	 .choices = modes,
	 .fallback = "strict",
	 .help = "How to do it"},
	{.name = "limits",
	 .type = CONFIG_MAP,
	 .map = &limits_map,
	 ONE(limits),
	 CONFIG_PRESENT(struct sample_one, limits.written),
	 .help = "What a stranger may take"},
	{.name = "numbers",
	 .type = CONFIG_INTEGER,
	 .flags = CONFIG_LIST,
	 ONE(numbers),
	 .max = 1000,
	 .example = "[1, 2, 3]",
	 .help = "Some numbers"},
	{.name = "words",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 ONE(words),
	 .help = "Some words"},
	{.name = "zones",
	 .type = CONFIG_MAP,
	 .flags = CONFIG_LIST,
	 .map = &zone_map,
	 ONE(zones),
	 .help = "The zones"},
	{.name = "pools",
	 .type = CONFIG_DICTIONARY,
	 .map = &pool_map,
	 ONE(pools),
	 .help = "The pools"},
	{.name = "colours",
	 .type = CONFIG_TABLE,
	 .table = &colour_table,
	 ONE(colours),
	 .items_max = 8,
	 .example = "{red: 1, mix: [2, 3]}",
	 .help = "The colours"},
};

static void one_check(const void *conf, struct config_at *at)
{
	const struct sample_one *c = conf;
	const struct ip_endpoint *listen = c->listen.items;
	const struct sample_pool *pools = c->pools.items;
	if (c->mode == SAMPLE_OFF && c->fast)
		config_fail(at, "mode", "mode: off is not for fast: on");
	for (size_t i = 0; i < c->listen.n; i++) {
		if (ip_endpoint_equal(&listen[i], &c->upstream))
			config_fail_item(at, "listen", i, "this is the upstream itself");
	}
	for (size_t i = 0; i < c->pools.n; i++) {
		if (c->wait_ms > pools[i].lease_ms)
			config_fail_item(at, "pools", i, "the lease is shorter than the wait");
	}
}

static const struct config_map one_map = {
	.help = "The first section",
	.size = sizeof(struct sample_one),
	CONFIG_KEYS(one_keys),
	.check = one_check,
	.example = "listen: [127.0.0.1, \"[::1]:53\"]\n"
		   "zones:\n"
		   "  - {origin: example.com, file: example.com.zone}\n"
		   "pools:\n"
		   "  guests: {range: 192.0.2.10-192.0.2.99, lease: 1h}",
};

static const struct config_key two_keys[] = {
	{.name = "idle",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct sample_two, idle_ms),
	 .fallback = "1d12h",
	 .help = "Be idle this long"},
	{.name = "must",
	 .type = CONFIG_ADDRESS,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct sample_two, must),
	 .help = "Has to be there"},
};

static const struct config_map two_map = {
	.help = "The second section",
	.size = sizeof(struct sample_two),
	CONFIG_KEYS(two_keys),
};

static const struct config_section sections[] = {
	{.name = "one", .map = &one_map},
	{.name = "two", .map = &two_map},
};

const struct config_sections sample_sections = {.items = sections, .n = 2};

enum err sample_read_file(void *arg, const char *path, uint8_t *buf, size_t size, size_t *ret_len)
{
	(void)arg;
	if (strcmp(path, "dir/key") == 0) {
		memcpy(buf, "hunter2\n", 8);
		*ret_len = 8;
		return OK;
	}
	if (strcmp(path, "dir/empty") == 0) {
		*ret_len = 0;
		return OK;
	}
	return strcmp(path, "dir/long") == 0 && size < 1000000 ? ERR_LIMIT : (enum err)ENOENT;
}

enum err sample_parse(struct span text, struct config **ret, struct config_report *report)
{
	const struct config_input input = {
		.text = text, .file_name = "dir/sample.yaml", .read_file = sample_read_file};
	return config_parse(&sample_sections, &input, ret, report);
}
