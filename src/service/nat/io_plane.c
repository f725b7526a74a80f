#include "service/nat/io_plane.h"

#include "crypto/hash.h"
#include "crypto/random.h"
#include "os/file.h"
#include "os/log.h"
#include "service/nat/bpf/object.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOAD_OF_8 = 5, BUCKET_PLACES = NAT_BUCKET_PLACES, TABLES_TO_SIZE = 10 };
enum { SWEEP_TRIES = 100, SWEEP_PAUSE_US = 1000 };

static const char *const array_names[NAT_ARRAYS] = {
	[NAT_ARRAY_SETTINGS] = "settings",   [NAT_ARRAY_DEVICES] = "devices",
	[NAT_ARRAY_PUBLICS] = "publics",     [NAT_ARRAY_FLOWS4] = "flows4",
	[NAT_ARRAY_MAPPINGS4] = "mappings4", [NAT_ARRAY_POOLS] = "pools",
	[NAT_ARRAY_PORTS] = "ports",	     [NAT_ARRAY_FORWARDS4] = "forwards4",
	[NAT_ARRAY_RULES] = "rules",	     [NAT_ARRAY_RATES] = "rates",
	[NAT_ARRAY_FILTERS4] = "filters4",   [NAT_ARRAY_FLOWS6] = "flows6",
	[NAT_ARRAY_LEGS4] = "legs4",
};

/* --- sizes ------------------------------------------------------------------------------------ */

/* Pairs of legs, of which each flow has two, so that they fill at most five of eight places. */
static uint32_t pairs(uint32_t flows)
{
	return (uint32_t)((uint64_t)flows * 8 / LOAD_OF_8) + 1024;
}

/* Buckets, a power of two, so that n tuples fill at most five of eight places. */
static uint32_t buckets(uint64_t n)
{
	uint64_t wanted = n * 8 / (LOAD_OF_8 * BUCKET_PLACES) + 1;
	uint32_t b = 1024;
	while (b < wanted)
		b *= 2;
	return b;
}

struct sized {
	const char *table;
	uint32_t entries;
};

static void size_fill(const struct nat_plane_size *size, struct sized ret[TABLES_TO_SIZE])
{
	/* Number 0 of flows and mappings is not used; a flow has two tuples, a mapping one. */
	ret[0] = (struct sized){"flows4", size->flows + 1};
	ret[1] = (struct sized){"mappings4", size->flows + 1};
	ret[2] = (struct sized){"legs4", pairs(size->flows)};
	ret[3] = (struct sized){"mapping_index", buckets(size->flows)};
	ret[4] = (struct sized){"ports", NAT_PORT_AT(size->publics, 0, 0) / 2};
	ret[5] = (struct sized){"blocks", NAT_BLOCK_AT(size->publics, 0)};
	ret[6] = (struct sized){"flows6", size->flows6 + 1};
	ret[7] = (struct sized){"mappings6", size->flows6 / 2 + 1};
	ret[8] = (struct sized){"flow6_index", buckets((uint64_t)size->flows6 * 2)};
	ret[9] = (struct sized){"mapping6_index", buckets(size->flows6 / 2)};
}

/* What is pinned keeps its size: the flows in it are worth more than a new number. */
static enum err set_sizes(struct nat_plane *p, const struct nat_plane_size *size)
{
	struct sized sized[TABLES_TO_SIZE];
	bool kept = false;
	size_fill(size, sized);
	for (size_t i = 0; i < TABLES_TO_SIZE; i++) {
		struct bpf_table pinned;
		if (bpf_table_open(p->tables, sized[i].table, &pinned) == OK) {
			kept |= pinned.entries_max != sized[i].entries;
			sized[i].entries = pinned.entries_max;
			bpf_table_done(&pinned);
		}
		TRY(bpf_set_entries(p->set, sized[i].table, sized[i].entries));
	}
	if (kept)
		log_notice("the tables keep the size that they have; `gatehouse nat detach` and a "
			   "new start make them anew",
			   LOG_U64("flows", sized[0].entries - 1));
	return OK;
}

/* --- loading ---------------------------------------------------------------------------------- */

struct unpinning {
	const char *folder;
	enum err first; /* that one could not be removed; the others are all the same */
};

static enum err unpin_one(void *arg, const char *name)
{
	struct unpinning *u = arg;
	enum err e = bpf_unpin(u->folder, name);
	if (e && !u->first)
		u->first = e;
	return OK;
}

enum err nat_plane_unpin(const struct nat_plane *p)
{
	struct unpinning u = {.folder = p->tables};
	enum err e = dir_list(p->tables, unpin_one, &u);
	return e ? e : u.first;
}

static enum err take_over(struct nat_plane *p)
{
	struct bpf_misfit misfit;
	size_t reused = 0;
	enum err e = bpf_set_reuse(p->set, p->tables, &misfit, &reused);
	if (e == ERR_EXISTS) {
		log_warning("the tables of the process before cannot be used; its flows end",
			    LOG_TEXT("table", misfit.table), LOG_TEXT("differs", misfit.what),
			    LOG_U64("was", misfit.pinned), LOG_U64("wanted", misfit.wanted));
		e = nat_plane_unpin(p);
	}
	p->taken_over = reused > 0;
	return e;
}

/* Of each generation of programs for itself: who calls whom, and what they count, so that a cause
 * more does not end the flows of the version before. */
static const char *const own_tables[] = {"calls_xdp", "calls_tc", "counters"};
enum { OWN_TABLES = sizeof(own_tables) / sizeof(own_tables[0]) };

static enum err open_set(struct nat_plane *p, const struct nat_plane_size *size)
{
	struct span object = span_of(nat_bpf_object, (size_t)(nat_bpf_object_end - nat_bpf_object));
	uint8_t build[CRYPTO_SHA256_LEN];
	static_assert(sizeof(build) == NAT_BUILD_LEN, "what the object has room for");
	crypto_sha256(object, build);
	TRY(bpf_set_open(object, "nat", &p->set));
	for (size_t i = 0; i < OWN_TABLES; i++)
		TRY(bpf_set_fresh(p->set, own_tables[i]));
	TRY(bpf_set_constant(p->set, "nat_build", build, sizeof(build)));
	return set_sizes(p, size);
}

/* Who calls whom is not to be changed by a service that was taken over, nor believed by the next
 * one if it could have been. */
static enum err load(struct nat_plane *p)
{
	TRY(take_over(p));
	enum err e = bpf_set_load(p->set);
	if (e)
		log_error("the kernel does not take the programs",
			  LOG_TEXT("says", bpf_set_trouble(p->set)), LOG_ERR(e));
	TRY(e);
	for (size_t i = 0; i < OWN_TABLES; i++)
		TRY(bpf_set_freeze(p->set, own_tables[i]));
	return bpf_set_pin(p->set, p->tables);
}

/* The programs that are there, when they are those that we would load; else they are loaded. */
static enum err adopt_or_load(struct nat_plane *p)
{
	const char *why = "";
	enum err e = bpf_set_adopt(p->set, p->tables, &why);
	p->reused = p->taken_over = !e;
	if (e != ERR_ABSENT)
		return e;
	log_debug("the programs of the process before are not ours", LOG_TEXT("why", why));
	return load(p);
}

/* --- its tables ------------------------------------------------------------------------------- */

static enum err map_arrays(struct nat_plane *p)
{
	for (size_t i = 0; i < NAT_ARRAYS; i++) {
		TRY(bpf_set_table(p->set, array_names[i], &p->array[i]));
		TRY(bpf_table_map(&p->array[i], true, &p->memory[i]));
	}
	return OK;
}

static enum err find_all(struct nat_plane *p)
{
	TRY(bpf_set_table(p->set, "sources4", &p->sources4));
	TRY(bpf_set_table(p->set, "locals4", &p->locals4));
	TRY(bpf_set_table(p->set, "hosts", &p->hosts));
	TRY(bpf_set_table(p->set, "counters", &p->counters));
	TRY(bpf_set_table(p->set, "xdp_ports", &p->xdp_ports));
	TRY(bpf_set_program(p->set, "nat_xdp", &p->xdp_fd));
	TRY(bpf_set_program(p->set, "nat_tc_in", &p->in_fd));
	return bpf_set_program(p->set, "nat_tc_out", &p->out_fd);
}

/* What is set once for the life of the tables. */
static enum err begin_settings(struct nat_plane *p)
{
	struct nat_settings *s = nat_plane_settings(p);
	struct bpf_table mappings;
	TRY(bpf_set_table(p->set, "mapping_index", &mappings));
	p->flows_max = p->array[NAT_ARRAY_FLOWS4].entries_max - 1;
	/* Two ports in each record. */
	p->publics_max = p->array[NAT_ARRAY_PORTS].entries_max / (NAT_PORT_AT(1, 0, 0) / 2);
	p->bytes = (uint64_t)mappings.entries_max * mappings.value_room +
		   p->memory[NAT_ARRAY_LEGS4].len + p->memory[NAT_ARRAY_FLOWS4].len +
		   p->memory[NAT_ARRAY_MAPPINGS4].len;
	if (s->flow_pairs)
		return OK;
	TRY(crypto_random(s->seed, sizeof(s->seed)));
	s->hop_gen = s->rules_gen = 1;
	s->mapping_mask = mappings.entries_max - 1;
	s->flow_pairs = p->array[NAT_ARRAY_LEGS4].entries_max;
	return OK;
}

void nat_plane_name(struct nat_plane *p, const char *folder)
{
	if (!folder)
		return;
	(void)snprintf(p->links, sizeof(p->links), "%s", folder);
	(void)snprintf(p->tables, sizeof(p->tables), "%s/layout%d", folder, NAT_LAYOUT);
}

enum err nat_plane_open(struct nat_plane *p, const char *folder, const struct nat_plane_size *size)
{
	p->xdp_fd = p->in_fd = p->out_fd = -1;
	(void)snprintf(p->links, sizeof(p->links), "%s", folder);
	int n = snprintf(p->tables, sizeof(p->tables), "%s/layout%d", folder, NAT_LAYOUT);
	enum err e = n < (int)sizeof(p->tables) ? dir_ensure(p->tables, 0700) : ERR_LIMIT;
	if (!e)
		e = open_set(p, size);
	if (!e)
		e = adopt_or_load(p);
	if (!e)
		e = map_arrays(p);
	if (!e)
		e = find_all(p);
	if (!e)
		e = begin_settings(p);
	if (e)
		log_error("there is no data plane", LOG_TEXT("folder", folder), LOG_ERR(e));
	return e;
}

/* The timer's callback becomes ours; one that runs for the process before goes on as that. */
static enum err start_sweep(const struct nat_plane *p)
{
	static const uint8_t nothing[64];
	struct bpf_run run = {.in = {nothing, sizeof(nothing)}};
	int fd;
	TRY(bpf_set_program(p->set, "nat_sweep_start", &fd));
	enum err e = bpf_program_run(fd, &run);
	/* The kernel takes a timer's memory without waiting for anybody, and a busy machine may
	 * have none at that moment. */
	for (unsigned i = 0; !e && run.ret && i < SWEEP_TRIES; i++) {
		(void)usleep(SWEEP_PAUSE_US);
		e = bpf_program_run(fd, &run);
	}
	if (!e && run.ret)
		e = ERR_REFUSED;
	if (e)
		log_error("flows do not end by themselves: the sweep cannot be started",
			  LOG_ERR(e));
	return e;
}

enum err nat_plane_settle(struct nat_plane *p)
{
	if (!p->reused) {
		TRY(bpf_set_settle(p->set, p->tables));
		TRY(bpf_set_leave(p->set, p->tables));
	}
	return start_sweep(p);
}

void nat_plane_done(struct nat_plane *p)
{
	bpf_ring_free(p->ring);
	for (size_t i = 0; i < NAT_ARRAYS; i++)
		bpf_memory_done(&p->memory[i]);
	bpf_set_free(p->set);
	*p = (struct nat_plane){.xdp_fd = -1, .in_fd = -1, .out_fd = -1};
}

enum err nat_plane_counts(const struct nat_plane *p, uint64_t ret[NAT_C_N])
{
	uint32_t key = 0;
	struct nat_counts *each = calloc(1, p->counters.value_room);
	if (!each)
		return ENOMEM;
	enum err e = bpf_table_get(&p->counters, &key, each);
	for (size_t c = 0; c < NAT_C_N; c++)
		ret[c] = 0;
	for (uint32_t cpu = 0; !e && cpu < p->counters.cpus; cpu++)
		for (size_t c = 0; c < NAT_C_N; c++)
			ret[c] += each[cpu].n[c];
	free(each);
	return e;
}
