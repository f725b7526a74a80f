#include "service/nat/io_log.h"

#include "base/reader.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/udp.h"
#include "proto/ipfix/message.h"
#include "service/nat/conf_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96];
static struct loop loop;
static struct udp_socket collector;
static struct nat_logger logger;
static struct nat_log_conf conf;

static int begin(void **state)
{
	(void)state;
	int fd = -1;
	struct ip_endpoint at = {.address = ip_address_v4(127, 0, 0, 1)};
	(void)snprintf(folder, sizeof(folder), "/tmp/gatehouse-nat-log-%d", (int)getpid());
	(void)snprintf(path, sizeof(path), "%s/translations.json", folder);
	if (dir_ensure(folder, 0700) || loop_init(&loop) || udp_open(&at, 0, &fd) ||
	    udp_prepare(fd, 0, &collector))
		return -1;
	conf = (struct nat_log_conf){.file = true,
				     .file_size = 1 << 20,
				     .files = 2,
				     .collector = collector.local,
				     .domain = 7,
				     .templates_ms = 60000,
				     .mappings = true};
	return 0;
}

static int end(void **state)
{
	(void)state;
	nat_logger_done(&logger);
	loop_done(&loop);
	fd_done(&collector.fd);
	return dir_remove(folder) ? -1 : 0;
}

static void made(unsigned n)
{
	struct nat_event e = {.kind = NAT_EVENT_MAPPING_MADE,
			      .tuple = {.proto = 17, .zone = NAT_ZONE_INSIDE}};
	for (unsigned i = 0; i < n; i++)
		nat_logger_event(&logger, &e);
	assert_int_equal(loop_turn(&loop, 1000), OK);
}

/* Its length and what its head says; 0: there is none. */
static size_t datagram(uint32_t *ret_sequence, uint16_t *ret_set)
{
	uint8_t room[2048];
	struct ip_endpoint from;
	size_t len = 0;
	assert_int_equal(udp_receive_one(&collector, room, sizeof(room), &len, &from, NULL), OK);
	if (!len)
		return 0;
	struct reader r = reader_of(room, len);
	assert_int_equal(read_u16(&r), IPFIX_VERSION);
	assert_int_equal(read_u16(&r), len);
	reader_skip(&r, 4);
	*ret_sequence = read_u32(&r);
	assert_int_equal(read_u32(&r), conf.domain);
	*ret_set = read_u16(&r);
	return len;
}

static size_t lines(void)
{
	char *text = NULL;
	size_t len, n = 0;
	assert_int_equal(file_read(path, 1 << 22, &text, &len), OK);
	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	free(text);
	return n;
}

static void nothing_is_open_where_nothing_is_wanted(void **state)
{
	(void)state;
	struct writer w = writer_of(folder, 0);
	conf.file = false;
	conf.collector.address.family = 0;
	assert_int_equal(nat_logger_open(&logger, &loop, folder, &conf), OK);
	made(1);
	assert_null(nat_logger_status(&logger));
	nat_logger_metrics(&logger, &w);
	assert_false(w.bad);
	assert_int_equal(access(path, F_OK), -1);
}

static void both_are_told_and_templates_come_first(void **state)
{
	(void)state;
	uint32_t sequence;
	uint16_t set;
	assert_int_equal(nat_logger_open(&logger, &loop, folder, &conf), OK);
	made(30);
	assert_int_equal(lines(), 30);
	/* Two datagrams hold all templates. */
	for (int i = 0; i < 2; i++) {
		assert_true(datagram(&sequence, &set) > 0);
		assert_int_equal(set, IPFIX_SET_TEMPLATE);
		assert_int_equal(sequence, 0);
	}
	/* 20 octets of heads and 22 of each record: 20 in a datagram. */
	assert_int_equal(datagram(&sequence, &set), 20 + 20 * 22);
	assert_int_equal(set, IPFIX_TEMPLATE_MIN);
	assert_int_equal(datagram(&sequence, &set), 20 + 10 * 22);
	/* RFC 7011 3.1: data records before this message. */
	assert_int_equal(sequence, 20);
	made(1);
	assert_int_equal(datagram(&sequence, &set), 20 + 22);
	assert_int_equal(sequence, 30);
	/* RFC 7011 8.4: over UDP templates are resent; here as time has come. */
	logger.templates_next_ms = 0;
	made(1);
	assert_true(datagram(&sequence, &set) > 0);
	assert_int_equal(set, IPFIX_SET_TEMPLATE);
	json_t *status = nat_logger_status(&logger);
	assert_int_equal(json_integer_value(json_object_get(status, "entries")), 32);
	assert_int_equal(json_integer_value(json_object_get(status, "lost")), 0);
	json_decref(status);
}

static void what_is_queued_at_the_end_is_written(void **state)
{
	(void)state;
	struct nat_event e = {.kind = NAT_EVENT_MAPPING_ENDED,
			      .tuple = {.proto = 6, .zone = NAT_ZONE_INSIDE}};
	assert_int_equal(nat_logger_open(&logger, &loop, folder, &conf), OK);
	nat_logger_event(&logger, &e);
	nat_logger_done(&logger);
	assert_int_equal(lines(), 1);
}

static void a_file_that_cannot_be_written_is_counted(void **state)
{
	(void)state;
	conf.collector.address.family = 0;
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(nat_logger_open(&logger, &loop, folder, &conf), OK);
	assert_int_equal(logger.file_error, ELOOP);
	json_t *status = nat_logger_status(&logger);
	assert_non_null(json_object_get(status, "error"));
	json_decref(status);
	assert_int_equal(unlink(path), 0);
	nat_logger_configure(&logger, &conf); /* a reload */
	made(2);
	assert_int_equal(lines(), 2);
	assert_int_equal(logger.file_error, OK);
}

/* The folder is made before the rights for that are given up: a reload comes too late. */
static void says_that_there_is_no_folder(void **state)
{
	(void)state;
	conf.collector.address.family = 0;
	assert_int_equal(nat_logger_open(&logger, &loop, NULL, &conf), OK);
	assert_int_equal(logger.file_error, ERR_ABSENT);
	made(3);
	json_t *status = nat_logger_status(&logger);
	assert_non_null(json_object_get(status, "error"));
	assert_int_equal(json_integer_value(json_object_get(status, "lost")), 3);
	json_decref(status);
}

static void more_lines_than_one_write_holds(void **state)
{
	(void)state;
	conf.file_size = 1 << 30;
	assert_int_equal(nat_logger_open(&logger, &loop, folder, &conf), OK);
	made(NAT_LOG_QUEUE);
	assert_int_equal(lines(), NAT_LOG_QUEUE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_open_where_nothing_is_wanted),
		TEST(both_are_told_and_templates_come_first),
		TEST(what_is_queued_at_the_end_is_written),
		TEST(a_file_that_cannot_be_written_is_counted),
		TEST(says_that_there_is_no_folder),
		TEST(more_lines_than_one_write_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
