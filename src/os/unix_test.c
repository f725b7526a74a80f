#include "os/unix.h"

#include "os/fd.h"
#include "os/tcp.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/unix_test.XXXXXX";
static char path[sizeof(directory) + 8];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/s", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(directory);
}

static void listens_with_the_mode_and_tells_the_peer(void **state)
{
	(void)state;
	int listener = -1, client = -1, server = -1;
	struct stat st;
	struct unix_peer who;
	char text[4];
	size_t len;
	mode_t before = umask(077);
	assert_int_equal(unix_listen(path, 0664, &listener), OK);
	(void)umask(before);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0664);
	assert_int_equal(unix_accept(listener, &server), EAGAIN);
	assert_int_equal(unix_connect(path, &client), OK);
	assert_int_equal(unix_accept(listener, &server), OK);
	assert_int_equal(unix_peer(server, &who), OK);
	assert_int_equal(who.uid, getuid());
	assert_int_equal(who.gid, getgid());
	assert_int_equal(who.pid, getpid());
	assert_int_equal(tcp_write(client, span_text("abc"), &len), OK);
	assert_int_equal(tcp_read(server, text, sizeof(text), &len), OK);
	assert_int_equal(len, 3);
	fd_done(&client);
	assert_int_equal(tcp_read(server, text, sizeof(text), &len), ERR_CLOSED);
	fd_done(&server);
	fd_done(&listener);
}

static void replaces_the_dead_and_spares_the_living(void **state)
{
	(void)state;
	int listener = -1, other = -1;
	assert_int_equal(unix_listen(path, 0600, &listener), OK);
	assert_int_equal(unix_listen(path, 0600, &other), ERR_EXISTS);
	fd_done(&listener);
	assert_int_equal(unix_connect(path, &other), ECONNREFUSED);
	assert_int_equal(unix_listen(path, 0600, &listener), OK);
	fd_done(&listener);
	(void)unlink(path);
	assert_int_equal(unix_connect(path, &other), ENOENT);
	fd_done(&other);
	int file = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(file >= 0);
	fd_done(&file);
	assert_int_equal(unix_listen(path, 0600, &listener), ERR_EXISTS);
	assert_int_equal(access(path, F_OK), 0);
	(void)unlink(path);
}

static void refuses_paths_that_do_not_fit(void **state)
{
	(void)state;
	char text[110];
	int fd = -1;
	memset(text, 'x', sizeof(text));
	text[0] = '@';
	text[108] = '\0';
	assert_int_equal(unix_listen(text, 0600, &fd), ENAMETOOLONG);
	assert_int_equal(unix_connect("", &fd), ENAMETOOLONG);
	text[107] = '\0';
	assert_int_equal(unix_listen(text, 0600, &fd), OK);
	int client = -1;
	assert_int_equal(unix_connect(text, &client), OK);
	fd_done(&client);
	fd_done(&fd);
}

static void passes_descriptors(void **state)
{
	(void)state;
	int pair[2], pipes[2], received[UNIX_FDS_MAX];
	char text[8];
	size_t len, fds_len;
	assert_int_equal(unix_pair(pair), OK);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fd_send(pair[0], span_text("two"), pipes, 2), OK);
	assert_int_equal(fd_send(pair[0], span_text("none"), NULL, 0), OK);
	assert_int_equal(fd_receive(pair[1], text, sizeof(text), &len, received, &fds_len), OK);
	assert_int_equal(len, 3);
	assert_int_equal(fds_len, 2);
	assert_true(fcntl(received[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(received[1], "!", 1), 1);
	assert_int_equal(read(pipes[0], text, 1), 1);
	assert_int_equal(text[0], '!');
	fd_done(&received[0]);
	fd_done(&received[1]);
	assert_int_equal(fd_receive(pair[1], text, sizeof(text), &len, received, &fds_len), OK);
	assert_int_equal(len, 4);
	assert_int_equal(fds_len, 0);
	for (int i = 0; i < 2; i++)
		fd_done(&pipes[i]);
	fd_done(&pair[0]);
	assert_int_equal(fd_receive(pair[1], text, sizeof(text), &len, received, &fds_len),
			 ERR_CLOSED);
	fd_done(&pair[1]);
}

static int open_count(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void cut_message_keeps_no_descriptor(void **state)
{
	(void)state;
	int pair[2], received[UNIX_FDS_MAX], fds[UNIX_FDS_MAX];
	char text[4];
	size_t len, fds_len;
	assert_int_equal(unix_pair(pair), OK);
	for (size_t i = 0; i < UNIX_FDS_MAX; i++)
		fds[i] = pair[0];
	assert_int_equal(fd_send(pair[0], span_text("too long"), fds, UNIX_FDS_MAX), OK);
	int before = open_count();
	assert_int_equal(fd_receive(pair[1], text, sizeof(text), &len, received, &fds_len),
			 ERR_LIMIT);
	assert_int_equal(open_count(), before);
	fd_done(&pair[1]);
	assert_int_equal(fd_send(pair[0], span_text("x"), NULL, 0), ERR_CLOSED);
	fd_done(&pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listens_with_the_mode_and_tells_the_peer),
		cmocka_unit_test(replaces_the_dead_and_spares_the_living),
		cmocka_unit_test(refuses_paths_that_do_not_fit),
		cmocka_unit_test(passes_descriptors),
		cmocka_unit_test(cut_message_keeps_no_descriptor),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
