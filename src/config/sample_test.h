/* A schema with every type, for the tests and the fuzzer of this folder. Knows no real service. */
#ifndef CONFIG_SAMPLE_TEST_H
#define CONFIG_SAMPLE_TEST_H

#include "config/config.h"
#include "proto/dns/name.h"
#include "proto/ip/prefix.h"

enum sample_mode { SAMPLE_ON, SAMPLE_STRICT, SAMPLE_OFF };

struct sample_limits {
	uint32_t clients;
	uint64_t idle_ms;
	bool written;
};

struct sample_zone {
	struct dns_name origin;
	const char *file;
	struct config_list transfer; /* struct ip_prefix */
	uint32_t line;
};

struct sample_pool {
	const char *name;
	struct ip_range range;
	uint64_t lease_ms;
	uint8_t small, level;
	uint32_t line;
};

/* An entry of the table of colours: red and green take one number, mix takes what is written. */
struct sample_colour {
	char name[16];
	uint32_t sum; /* of all numbers in it */
	uint32_t items, parts;
	bool list;
};

struct sample_one {
	bool fast;
	uint8_t small;
	int16_t level;
	uint64_t wait_ms, cache;
	struct ip_address source;
	struct config_list listen; /* struct ip_endpoint */
	struct ip_endpoint upstream, peer;
	struct ip_prefix network;
	struct ip_range range;
	struct config_port port;
	struct dns_name name;
	const char *identity, *file;
	struct span secret;
	enum sample_mode mode;
	struct sample_limits limits;
	struct config_list numbers; /* int64_t */
	struct config_list words;   /* const char * */
	struct config_list zones;   /* struct sample_zone */
	struct config_list pools;   /* struct sample_pool */
	struct config_list colours; /* struct sample_colour */
};

struct sample_two {
	uint64_t idle_ms;
	struct ip_address must;
};

/* Sections "one" and "two". */
extern const struct config_sections sample_sections;

/* Knows the files "dir/key" ("hunter2\n"), "dir/empty" and "dir/long"; others are absent. */
enum err sample_read_file(void *arg, const char *path, uint8_t *buf, size_t size, size_t *ret_len);

/* config_parse of text as "dir/sample.yaml". */
MUST enum err sample_parse(struct span text, struct config **ret, struct config_report *report);

#endif
