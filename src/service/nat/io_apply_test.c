#include "service/nat/io_apply.h"

#include "os/bpffs.h"
#include "os/netns.h"
#include "service/nat/site_test.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "os/child_test.h"

#define FOLDER	 "/tmp/bpf"
#define HEAD	 "nat:\n  outside: wan0\n  inside: [lan0, lan1]\n"
#define FIREWALL "  firewall: {action: allow, from: outside, to: gateway, traffic: 22/tcp}\n"
#define FORWARD	 "  forward: [{from: 8000-8001/tcp, to: \"192.168.1.5:80\"}]\n"

static const struct nat_plane_size size = {.flows = 1024, .flows6 = 2047, .publics = 4};

struct world {
	struct site site;
	struct nat_plane plane;
	struct nat_tables *before;
	uint16_t sends[8];
};

static bool may_not(void)
{
	enum err e = bpf_may_load();
	return e == (enum err)EPERM || e == (enum err)ENOSYS || e == (enum err)EACCES;
}

static enum err begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	TRY(mount_private());
	TRY(mount_tmpfs("/tmp", 1 << 20, 01777));
	TRY(bpffs_make(FOLDER, NULL));
	return nat_plane_open(&w->plane, FOLDER, &size);
}

/* Puts that configuration in force. */
static enum err apply(struct world *w, const char *text)
{
	struct nat_tables *before = w->before;
	struct nat_public publics[NAT_PUBLICS];
	memcpy(publics, nat_apply_public(&w->plane, 0), sizeof(publics));
	w->before = NULL;
	site_init(&w->site, text);
	TRY(nat_tables_make(w->site.conf, &w->site.names, &w->site.net, publics,
			    w->plane.publics_max, w->site.t));
	enum err e = nat_apply(&w->plane, before, w->site.t, &w->site.net, w->sends);
	free(before);
	w->before = w->site.t;
	w->site.t = NULL;
	site_done(&w->site);
	return e;
}

static uint32_t *port(const struct world *w, unsigned space, uint16_t number)
{
	struct nat_ports *ports = nat_plane_at(&w->plane, NAT_ARRAY_PORTS, 0);
	uint32_t *first = ports->whose; /* the element holds two, the memory all of them */
	return first + NAT_PORT_AT(0, space, number);
}

static const struct nat_set *set_of(const struct world *w)
{
	const struct nat_settings *s = nat_plane_settings(&w->plane);
	return &s->sets[s->set & 1];
}

static int nobody_meets_half_of_a_set(struct world *w)
{
	CHILD_CHECK(!apply(w, HEAD FIREWALL));
	const struct nat_settings *s = nat_plane_settings(&w->plane);
	uint32_t first = s->set;
	uint16_t gen = s->rules_gen;
	CHILD_CHECK(set_of(w)->rules_own == 1);
	const struct nat_rule *rule =
		nat_plane_at(&w->plane, NAT_ARRAY_RULES, set_of(w)->rule_first);
	CHILD_CHECK(rule->dst_first == 22 && rule->action == NAT_ALLOW);
	/* The same again: nothing that flows would have to be judged by. */
	CHILD_CHECK(!apply(w, HEAD FIREWALL) && s->set == first && s->rules_gen == gen);
	/* Another: the other set, and the one before is as it was. */
	CHILD_CHECK(!apply(w, HEAD) && s->set != first && s->rules_gen != gen);
	CHILD_CHECK(set_of(w)->rules_own == 0 && rule->dst_first == 22);
	return 0;
}

static int a_port_is_a_forwards_ours_or_left_alone(struct world *w)
{
	CHILD_CHECK(!apply(w, HEAD FIREWALL));
	CHILD_CHECK(*port(w, NAT_SPACE_TCP, 22) == NAT_PORT_GATEWAY);
	CHILD_CHECK(*port(w, NAT_SPACE_UDP, 22) == NAT_PORT_FREE);
	*port(w, NAT_SPACE_TCP, 8001) = 7; /* a host's mapping has it */
	*port(w, NAT_SPACE_TCP, 8002) = 8;
	CHILD_CHECK(!apply(w, HEAD FORWARD));
	uint32_t word = *port(w, NAT_SPACE_TCP, 8000);
	CHILD_CHECK(word != NAT_PORT_GATEWAY && (word & NAT_PORT_FORWARD));
	const struct nat_forward4 *f =
		nat_plane_at(&w->plane, NAT_ARRAY_FORWARDS4, word & ~NAT_PORT_FORWARD);
	CHILD_CHECK(f->first == 8000 && nat_host16(f->to_first) == 80);
	CHILD_CHECK(*port(w, NAT_SPACE_TCP, 8001) == word);
	CHILD_CHECK(*port(w, NAT_SPACE_TCP, 8002) == 8); /* left alone */
	CHILD_CHECK(*port(w, NAT_SPACE_TCP, 22) == NAT_PORT_FREE);
	CHILD_CHECK(!apply(w, HEAD) && *port(w, NAT_SPACE_TCP, 8000) == NAT_PORT_FREE);
	CHILD_CHECK(*port(w, NAT_SPACE_TCP, 8002) == 8);
	return 0;
}

static enum err host_get(const struct world *w, const char *address, struct nat_host *ret)
{
	struct nat_host_key key;
	struct ip_address a = site_ip(address);
	nat_address_map(&a, key.address);
	return bpf_table_get(&w->plane.hosts, &key, ret);
}

static int what_is_not_configured_any_more_is_gone(struct world *w)
{
	struct nat_host host;
	struct nat_source source;
	struct nat_source_key4 key = {24, 0};
	struct ip_address lan1 = site_ip("192.168.2.0");
	key.address = nat_address_be32(&lan1);
	CHILD_CHECK(!apply(w, HEAD "  hosts: {192.168.1.7: {open: on, limit: 9}}\n"));
	CHILD_CHECK(!host_get(w, "192.168.1.7", &host));
	CHILD_CHECK(host.flows_max == 9 && (host.flags & NAT_HOST_OPEN));
	CHILD_CHECK(!bpf_table_get(&w->plane.sources4, &key, &source));
	CHILD_CHECK(source.zone == NAT_ZONE_INSIDE);
	const struct nat_device *wan = nat_plane_at(&w->plane, NAT_ARRAY_DEVICES, SITE_WAN);
	const struct nat_device *lan = nat_plane_at(&w->plane, NAT_ARRAY_DEVICES, SITE_LAN1);
	CHILD_CHECK(wan->ifindex == SITE_WAN && (wan->flags & NAT_DEVICE_OUTSIDE));
	CHILD_CHECK(wan->public_n == 1 && lan->ifindex == SITE_LAN1);
	/* lan1 leaves its zone, and the host is one of many. */
	CHILD_CHECK(!apply(w, "nat:\n  outside: wan0\n  inside: lan0\n"));
	CHILD_CHECK(!host_get(w, "192.168.1.7", &host));
	CHILD_CHECK(host.flows_max == 8192 && host.flags == 0);
	CHILD_CHECK(!bpf_table_get(&w->plane.sources4, &key, &source)); /* by 192.168.0.0/16 */
	CHILD_CHECK(source.zone == NAT_ZONE_BOGON);
	CHILD_CHECK(lan->ifindex == 0 && wan->ifindex == SITE_WAN);
	return 0;
}

/* To load the programs takes seconds, so these share them. */
static int applied(void)
{
	struct world w;
	if (may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!begin(&w) && !nobody_meets_half_of_a_set(&w));
	CHILD_CHECK(!a_port_is_a_forwards_ours_or_left_alone(&w));
	CHILD_CHECK(!what_is_not_configured_any_more_is_gone(&w));
	free(w.before);
	nat_plane_done(&w.plane);
	return 0;
}

static void what_is_configured_is_in_the_tables(void **state)
{
	(void)state;
	assert_child(applied, "this user or kernel does not load programs");
}

/* The one before has gone. */
static enum err go_on(struct world *w, const struct nat_plane_size *with)
{
	nat_plane_done(&w->plane);
	return nat_plane_open(&w->plane, FOLDER, with);
}

static uint32_t entries(const struct world *w, const char *name)
{
	struct bpf_table t;
	return bpf_set_table(w->plane.set, name, &t) ? 0 : t.entries_max;
}

/* Index tables are of buckets, a power of two. */
static bool has_sizes6(const struct world *w, uint32_t flows, uint32_t mappings)
{
	return entries(w, "flows6") == flows && entries(w, "mappings6") == mappings &&
	       entries(w, "flow6_index") * (uint64_t)NAT_BUCKET_PLACES >= 2 * flows &&
	       entries(w, "mapping6_index") * (uint64_t)NAT_BUCKET_PLACES >= mappings;
}

static int taken_over(void)
{
	static const struct nat_plane_size larger = {.flows = 2048, .publics = 8};
	struct world w;
	char hosts[sizeof(w.plane.tables) + 16], counters[sizeof(hosts)];
	if (may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!begin(&w) && !w.plane.taken_over && !w.plane.reused && !apply(&w, HEAD));
	struct nat_settings was = *nat_plane_settings(&w.plane);
	CHILD_CHECK(was.seed[0] && was.flow_pairs);
	/* Another version counts other things; its flows are ours all the same. */
	(void)snprintf(hosts, sizeof(hosts), "%s/hosts", w.plane.tables);
	(void)snprintf(counters, sizeof(counters), "%s/counters", w.plane.tables);
	CHILD_CHECK((unlink(counters) == 0 || errno == ENOENT) && link(hosts, counters) == 0);
	/* Another size is for tables that are made anew. The programs were not left to us. */
	CHILD_CHECK(!go_on(&w, &larger) && w.plane.taken_over && !w.plane.reused);
	CHILD_CHECK(w.plane.flows_max == 1024 && w.plane.publics_max == 4);
	CHILD_CHECK(has_sizes6(&w, 2048, 1024));
	CHILD_CHECK(!memcmp(nat_plane_settings(&w.plane), &was, sizeof(was)));
	/* Now they are. */
	CHILD_CHECK(!nat_plane_settle(&w.plane));
	uint32_t id, other = 0;
	CHILD_CHECK(!bpf_program_id(w.plane.in_fd, &id));
	CHILD_CHECK(!go_on(&w, &larger) && w.plane.taken_over && w.plane.reused);
	CHILD_CHECK(!bpf_program_id(w.plane.in_fd, &other) && other == id);
	CHILD_CHECK(w.plane.flows_max == 1024 && w.plane.publics_max == 4);
	CHILD_CHECK(!memcmp(nat_plane_settings(&w.plane), &was, sizeof(was)));
	CHILD_CHECK(!apply(&w, HEAD FIREWALL) && !nat_plane_settle(&w.plane));
	CHILD_CHECK(!go_on(&w, &size) && w.plane.reused);
	/* A table that is gone takes the programs along that use it. */
	CHILD_CHECK(!nat_plane_unpin(&w.plane));
	CHILD_CHECK(!go_on(&w, &larger) && !w.plane.taken_over && !w.plane.reused);
	CHILD_CHECK(w.plane.flows_max == 2048 && w.plane.publics_max == 8);
	CHILD_CHECK(nat_plane_settings(&w.plane)->seed[0] != was.seed[0]);
	free(w.before);
	nat_plane_done(&w.plane);
	return 0;
}

static void tables_and_programs_are_taken_over_until_they_are_unpinned(void **state)
{
	(void)state;
	assert_child(taken_over, "this user or kernel does not load programs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_configured_is_in_the_tables),
		cmocka_unit_test(tables_and_programs_are_taken_over_until_they_are_unpinned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
