#include "supervisor/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct ip_endpoint at = {.address = {.family = 4, .bytes = {127, 0, 0, 1}},
				      .port = 53};

static int plan_new(void **state)
{
	struct plan *p = calloc(1, sizeof(*p));
	p->records = calloc(PLAN_RECORDS_MAX, sizeof(*p->records));
	*state = p;
	return p->records ? 0 : -1;
}

static int plan_free(void **state)
{
	struct plan *p = *state;
	free(p->records);
	free(p);
	return 0;
}

static void refuses_names_that_do_not_fit(void **state)
{
	struct plan *p = *state;
	char name[PLAN_NAME_MAX + 1], path[PLAN_PATH_MAX + 1];
	memset(name, 'n', sizeof(name));
	memset(path, 'p', sizeof(path));
	name[PLAN_NAME_MAX] = path[PLAN_PATH_MAX] = '\0';
	assert_int_equal(plan_add_service(p, name, NULL), EINVAL);
	assert_int_equal(plan_add_service(p, "", NULL), EINVAL);
	assert_int_equal(plan_add_service(p, "dns", name), EINVAL);
	assert_int_equal(plan_add_service(p, "dns", ""), EINVAL);
	assert_int_equal(plan_add_unix(p, "dns", "control", path, PLAN_OWNER_SELF), EINVAL);
	assert_int_equal(plan_add_unix(p, "dns", "control", "", PLAN_OWNER_SELF), EINVAL);
	assert_int_equal(plan_add_unix(p, "dns", name, "/run/x", PLAN_OWNER_SELF), EINVAL);
	assert_int_equal(plan_add_socket(p, "dns", PLAN_UDP, &at, 0), EINVAL);
	assert_int_equal(plan_add_socket(p, "dns", PLAN_UDP, &at, 256), EINVAL);
	assert_int_equal(plan_add_udp(p, "dns", name, &at, 0), EINVAL);
	assert_int_equal(plan_add_raw(p, "dns", PLAN_PACKET, name), EINVAL);
	assert_int_equal(plan_add_folder(p, "dns", PLAN_STATE, path, 1, 1), EINVAL);
	assert_int_equal(plan_add_folder(p, "dns", PLAN_STATE, "", 1, 1), EINVAL);
	assert_int_equal(plan_add_folder(p, "dns", PLAN_STATE, "var/lib", 1, 1), EINVAL);
	assert_int_equal(plan_add_folder(p, "dns", PLAN_BPF, "sys/fs/bpf", 1, 1), EINVAL);
	assert_int_equal(plan_add_mapped(p, "web", "gone", path, 4096), EINVAL);
	assert_int_equal(plan_add_mapped(p, "web", "gone", "/run/x", 0), EINVAL);
	assert_int_equal(plan_add_mapped(p, "web", name, "/run/x", 4096), EINVAL);
	assert_int_equal(p->n, 0);
	name[PLAN_NAME_MAX - 1] = path[PLAN_PATH_MAX - 1] = '\0';
	assert_int_equal(plan_add_service(p, name, name), OK);
	assert_int_equal(plan_add_unix(p, name, name, path, PLAN_OWNER_SELF), OK);
	assert_int_equal(plan_record_check(&p->records[0]), OK);
	assert_int_equal(plan_record_check(&p->records[1]), OK);
}

static void is_full_after_its_bound(void **state)
{
	struct plan *p = *state;
	for (size_t i = 0; i < PLAN_RECORDS_MAX; i++)
		assert_int_equal(plan_add_socket(p, "dns", PLAN_TCP, &at, 1), OK);
	assert_int_equal(plan_add_socket(p, "dns", PLAN_TCP, &at, 1), ERR_LIMIT);
	assert_int_equal(plan_add_service(p, "dns", NULL), ERR_LIMIT);
	assert_int_equal(plan_add_unix(p, "dns", "control", "/run/x", PLAN_OWNER_SELF), ERR_LIMIT);
	assert_int_equal(p->n, PLAN_RECORDS_MAX);
}

static void says_what_was_added(void **state)
{
	struct plan *p = *state;
	assert_int_equal(plan_add_service(p, "dns", NULL), OK);
	assert_int_equal(plan_add_service(p, "web", "www-data"), OK);
	assert_int_equal(plan_add_socket(p, "dns", PLAN_UDP, &at, 4), OK);
	assert_int_equal(plan_add_socket(p, "dns", PLAN_TCP, &at, 255), OK);
	assert_int_equal(plan_add_unix(p, "dns", "control", "/run/dns.sock", PLAN_OWNER_SELF), OK);
	assert_int_equal(plan_add_udp(p, "dhcp", "v4", &at, PLAN_BROADCAST), OK);
	assert_int_equal(plan_add_raw(p, "dhcp", PLAN_PACKET, "packet"), OK);
	assert_int_equal(plan_add_raw(p, "dhcp", PLAN_ICMP, "icmp"), OK);
	assert_int_equal(plan_add_raw(p, "dhcp", PLAN_ICMP6, "icmp6"), OK);
	assert_int_equal(plan_add_folder(p, "dhcp", PLAN_STATE, "/var/lib/dhcp", 7, 8), OK);
	assert_int_equal(plan_add_folder(p, "dns", PLAN_STATE, "/var/lib/dns", PLAN_OWNER_SELF,
					 PLAN_OWNER_SELF),
			 OK);
	for (size_t i = 0; i < p->n; i++)
		assert_int_equal(plan_record_check(&p->records[i]), OK);
	assert_int_equal(p->records[5].flags, PLAN_BROADCAST);
	assert_string_equal(p->records[5].name, "v4");
	assert_int_equal(p->records[6].kind, PLAN_PACKET);
	assert_int_equal(p->records[9].copies, 0);
	assert_string_equal(p->records[9].path, "/var/lib/dhcp");
	assert_true(p->records[9].uid == 7 && p->records[9].gid == 8);
	assert_string_equal(p->records[0].name, "-");
	assert_string_equal(p->records[1].name, "www-data");
	assert_string_equal(p->records[2].name, "udp");
	assert_int_equal(p->records[2].copies, 4);
	assert_true(ip_endpoint_equal(&p->records[2].endpoint, &at));
	assert_string_equal(p->records[3].name, "tcp");
	assert_string_equal(p->records[4].path, "/run/dns.sock");
	assert_int_equal(plan_add_mapped(p, "web", "gone", "/run/web.gone", 8192), OK);
	const struct plan_record *mapped = &p->records[p->n - 1];
	assert_int_equal(plan_record_check(mapped), OK);
	assert_string_equal(mapped->path, "/run/web.gone");
	assert_true(mapped->copies == 1 && mapped->number == 8192);
}

/* What a plan process that went wrong might write. */
static void refuses_records_that_no_plan_writes(void **state)
{
	struct plan *p = *state;
	assert_int_equal(plan_add_socket(p, "dns", PLAN_UDP, &at, 1), OK);
	assert_int_equal(plan_add_unix(p, "dns", "control", "/run/x", PLAN_OWNER_SELF), OK);
	assert_int_equal(plan_add_folder(p, "dns", PLAN_STATE, "/var/lib/dns", 7, 8), OK);
	assert_int_equal(plan_add_raw(p, "dns", PLAN_ICMP, "icmp"), OK);
	struct plan_record good = p->records[0], unix_good = p->records[1], r;
	const struct plan_record state_good = p->records[2], raw_good = p->records[3];

	r = good, r.magic ^= 1;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = good, r.copies = 0;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = good, r.endpoint.address.family = 5;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = good, memset(r.service, 'x', sizeof(r.service));
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = good, r.service[0] = '\0';
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = good, memset(r.name, 'x', sizeof(r.name));
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = unix_good, memset(r.path, 'x', sizeof(r.path));
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = unix_good, r.path[0] = '\0';
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = good, r.flags = 0x80;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = unix_good, r.copies = 2; /* descriptors that are not there would be passed on */
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = raw_good, r.copies = 2;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = raw_good, r.copies = 0;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = state_good, r.copies = 1;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = state_good, r.path[0] = 'x';
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = state_good, memset(r.path, '/', sizeof(r.path));
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = state_good, r.kind = PLAN_FOLDER;
	assert_int_equal(plan_record_check(&r), OK);
	r.copies = 1;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = state_good, r.uid = PLAN_OWNER_SELF; /* half an owner */
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	for (unsigned kind = 0; kind < 256; kind++) {
		r = good;
		r.kind = (uint8_t)kind;
		bool known = kind == PLAN_SERVICE || kind == PLAN_UDP || kind == PLAN_TCP ||
			     (kind >= PLAN_PACKET && kind <= PLAN_ICMP6);
		assert_int_equal(plan_record_check(&r), known ? OK : ERR_FORMAT);
	}
}

static void a_mapped_file_is_small_and_passed_once(void **state)
{
	struct plan *p = *state;
	assert_int_equal(plan_add_mapped(p, "web", "gone", "/run/x", PLAN_MAPPED_MAX), OK);
	struct plan_record r = p->records[0];
	assert_int_equal(plan_record_check(&r), OK);
	r.number++;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r.number = 0;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r.number = 4096, r.copies = 2;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r.copies = 1, memset(r.path, 'x', sizeof(r.path));
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
}

static void each_kind_has_its_own_flags_and_copies(void **state)
{
	struct plan *p = *state;
	assert_int_equal(plan_add_socket(p, "dns", PLAN_UDP, &at, 1), OK);
	assert_int_equal(plan_add_anew(p, "nat", "intercept"), OK);
	struct plan_record r = p->records[0];
	r.flags = PLAN_TRANSPARENT; /* of TCP */
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r.kind = PLAN_TCP;
	assert_int_equal(plan_record_check(&r), OK);
	r.flags = PLAN_BROADCAST;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = p->records[1];
	assert_int_equal(plan_record_check(&r), OK);
	r.copies = 1; /* a descriptor that is not there would be passed on */
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
}

static void devices_have_a_name_that_fits_and_a_link(void **state)
{
	struct plan *p = *state;
	struct plan_record r;
	assert_int_equal(plan_add_tun(p, "vpn", "tun", "sixteen-letters-", 1), EINVAL);
	assert_int_equal(plan_add_tun(p, "vpn", "tun", "", 1), EINVAL);
	assert_int_equal(plan_add_tun(p, "vpn", "tun", "wg0", 0), EINVAL);
	assert_int_equal(plan_add_tun(p, "vpn", "tun", "wg0", 256), EINVAL);
	assert_int_equal(plan_add_link(p, "vpn", "", 1420), EINVAL);
	assert_int_equal(plan_add_to_link(p, "vpn", PLAN_ROUTE, "", &at.address, 8), EINVAL);
	assert_int_equal(p->n, 0);
	assert_int_equal(plan_add_tun(p, "vpn", "tun-wg0", "wg0", 4), OK);
	assert_int_equal(plan_add_link(p, "vpn", "wg0", 1420), OK);
	assert_int_equal(plan_add_to_link(p, "vpn", PLAN_ADDRESS, "wg0", &at.address, 32), OK);
	assert_int_equal(plan_add_to_link(p, "vpn", PLAN_ROUTE, "wg0", &at.address, 0), OK);
	for (size_t i = 0; i < p->n; i++) {
		assert_int_equal(plan_record_check(&p->records[i]), OK);
		assert_int_equal(plan_is_of_link(&p->records[i]), i > 0);
		r = p->records[i], memset(r.path, 'x', 16);
		assert_int_equal(plan_record_check(&r), ERR_FORMAT);
		r = p->records[i], r.copies = i ? 1 : 0;
		assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	}
	r = p->records[1], r.number = 0;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = p->records[1], r.number = 65536;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = p->records[2], r.number = 33;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	assert_false(plan_record_same(&r, &p->records[2]));
	r = p->records[3], r.endpoint.address.family = 0;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
	r = p->records[3], r.endpoint.port = 1;
	assert_int_equal(plan_record_check(&r), ERR_FORMAT);
}

static void any_difference_makes_another_socket(void **state)
{
	struct plan *p = *state;
	assert_int_equal(plan_add_socket(p, "dns", PLAN_UDP, &at, 2), OK);
	assert_int_equal(plan_add_unix(p, "dns", "control", "/run/x", PLAN_OWNER_SELF), OK);
	struct plan_record a = p->records[0], b;
	assert_true(plan_record_same(&a, &p->records[0]));
	assert_false(plan_record_same(&a, &p->records[1]));
	b = a, b.kind = PLAN_TCP;
	assert_false(plan_record_same(&a, &b));
	b = a, b.service[0] = 'x';
	assert_false(plan_record_same(&a, &b));
	b = a, b.name[0] = 'x';
	assert_false(plan_record_same(&a, &b));
	b = a, b.copies++;
	assert_false(plan_record_same(&a, &b));
	b = a, b.endpoint.port++;
	assert_false(plan_record_same(&a, &b));
	b = a, b.endpoint.scope++;
	assert_false(plan_record_same(&a, &b));
	b = a, b.endpoint.address.family = 6;
	assert_false(plan_record_same(&a, &b));
	b = a, b.endpoint.address.bytes[3]++;
	assert_false(plan_record_same(&a, &b));
	b = a, b.flags ^= PLAN_BROADCAST;
	assert_false(plan_record_same(&a, &b));
	b = a, b.uid++;
	assert_false(plan_record_same(&a, &b));
	b = a, b.gid++;
	assert_false(plan_record_same(&a, &b));
	b = p->records[1], b.path[1]++;
	assert_false(plan_record_same(&p->records[1], &b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, plan_new, plan_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_names_that_do_not_fit),
		TEST(is_full_after_its_bound),
		TEST(refuses_records_that_no_plan_writes),
		TEST(a_mapped_file_is_small_and_passed_once),
		TEST(each_kind_has_its_own_flags_and_copies),
		TEST(says_what_was_added),
		TEST(any_difference_makes_another_socket),
		TEST(devices_have_a_name_that_fits_and_a_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
