#include "service/nat/io_apply6.h"

#include "crypto/random.h"
#include "os/bpf.h"
#include "service/nat/tables.h"
#include "service/nat/tables6.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 20 };

/* What a table is to hold: n keys side by side, and as many values. */
struct filling {
	struct bpf_table table;
	uint8_t *keys, *values;
	size_t n;
};

static void filling_done(struct filling *f)
{
	free(f->keys);
	free(f->values);
}

static enum err filling_init(struct filling *f, const struct bpf_set *set, const char *name,
			     size_t max)
{
	TRY(bpf_set_table(set, name, &f->table));
	f->keys = calloc(max + 1, f->table.key_size);
	f->values = calloc(max + 1, f->table.value_size);
	f->n = 0;
	return f->keys && f->values ? OK : (enum err)ENOMEM;
}

static void filling_add(struct filling *f, const void *key, const void *value)
{
	memcpy(f->keys + f->n * f->table.key_size, key, f->table.key_size);
	memcpy(f->values + f->n * f->table.value_size, value, f->table.value_size);
	f->n++;
}

static bool filling_has(const struct filling *f, const uint8_t *key)
{
	for (size_t i = 0; i < f->n; i++)
		if (memcmp(f->keys + i * f->table.key_size, key, f->table.key_size) == 0)
			return true;
	return false;
}

/* The first key that is there and not wanted; ERR_ABSENT: none is. */
static enum err find_other(const struct filling *f, uint8_t *ret)
{
	enum err e = bpf_table_next(&f->table, NULL, ret);
	while (!e && filling_has(f, ret))
		e = bpf_table_next(&f->table, ret, ret);
	return e;
}

/* What is wanted comes first, so that nothing is missing meanwhile. */
static enum err filling_write(const struct filling *f)
{
	uint8_t key[KEY_MAX];
	ASSERT(f->table.key_size <= KEY_MAX);
	for (size_t i = 0; i < f->n; i++)
		TRY(bpf_table_put(&f->table, f->keys + i * f->table.key_size,
				  f->values + i * f->table.value_size, BPF_PUT));
	enum err e;
	while (!(e = find_other(f, key)))
		TRY(bpf_table_remove(&f->table, key));
	return e == ERR_ABSENT ? OK : e;
}

static enum err write_sources(const struct bpf_set *set, const struct nat_tables *t)
{
	struct filling f = {0};
	enum err e = filling_init(&f, set, "sources6", t->sources_n);
	for (size_t i = 0; !e && i < t->sources_n; i++) {
		const struct nat_source_place *s = &t->sources[i];
		struct nat_source_key6 key = {.bits = s->prefix.bits};
		struct nat_source value = {.zone = s->zone, .flags = s->flags};
		if (s->prefix.address.family != 6)
			continue;
		memcpy(key.address, s->prefix.address.bytes, sizeof(key.address));
		filling_add(&f, &key, &value);
	}
	if (!e)
		e = filling_write(&f);
	filling_done(&f);
	return e;
}

static enum err write_locals(const struct bpf_set *set, const struct nat_tables6 *six)
{
	struct filling f = {0};
	enum err e = filling_init(&f, set, "locals6", six->locals_n);
	for (size_t i = 0; !e && i < six->locals_n; i++)
		filling_add(&f, &six->locals[i].address, &six->locals[i].flags);
	if (!e)
		e = filling_write(&f);
	filling_done(&f);
	return e;
}

static enum err write_answerers(const struct bpf_set *set, const struct nat_tables6 *six)
{
	struct filling f = {0};
	enum err e = filling_init(&f, set, "answerers6", six->answerers_n);
	for (size_t i = 0; !e && i < six->answerers_n; i++)
		filling_add(&f, &six->answerers[i].ifindex, &six->answerers[i].address);
	if (!e)
		e = filling_write(&f);
	filling_done(&f);
	return e;
}

/* Seed and masks are those of the tables' first day: flows lie where they say. */
static enum err write_settings(const struct bpf_set *set, const struct nat_tables6 *six,
			       uint32_t flows_max)
{
	struct bpf_table settings, flows, mappings, flow_index, mapping_index;
	struct nat_settings6 before, now = six->settings;
	uint32_t zero = 0;
	TRY(bpf_set_table(set, "settings6", &settings));
	TRY(bpf_set_table(set, "flows6", &flows));
	TRY(bpf_set_table(set, "mappings6", &mappings));
	TRY(bpf_set_table(set, "flow6_index", &flow_index));
	TRY(bpf_set_table(set, "mapping6_index", &mapping_index));
	TRY(bpf_table_get(&settings, &zero, &before));
	if (before.flow_mask == 0)
		TRY(crypto_random(before.seed, sizeof(before.seed)));
	memcpy(now.seed, before.seed, sizeof(now.seed));
	now.flow_mask = flow_index.entries_max - 1;
	now.mapping_mask = mapping_index.entries_max - 1;
	now.flows_max = flows_max < flows.entries_max ? flows_max : flows.entries_max - 1;
	now.mappings_max = mappings.entries_max - 1;
	return bpf_table_put(&settings, &zero, &now, BPF_PUT);
}

enum err nat_apply6(const struct bpf_set *set, const struct nat_tables *t,
		    const struct nat_tables6 *six, uint32_t flows_max)
{
	TRY(write_sources(set, t));
	TRY(write_locals(set, six));
	TRY(write_answerers(set, six));
	return write_settings(set, six, flows_max);
}

enum err nat_make_and_apply6(const struct bpf_set *set, const struct nat_v6_conf *conf,
			     const struct nat_net *net, const struct nat_tables *t,
			     uint32_t flows_max)
{
	struct nat_tables6 *six = malloc(sizeof(*six));
	if (!six)
		return ENOMEM;
	nat_tables6_make(conf, net, six);
	enum err e = nat_apply6(set, t, six, flows_max);
	free(six);
	return e;
}
