/* Stands in a program's place: has the fork of it that serve.c keeps do the work. Where nobody
 * serves, it starts the program of its own name, the first in PATH. */
#include "ask.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>

static int cold(char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	argv[0] = (char *)(slash ? slash + 1
				 : argv[0]); /* why-cast: execvp's arguments are not const */
	execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}

int main(int argc, char **argv)
{
	static char text[WARM_TEXT_MAX];
	size_t n = 0;
	for (int i = 1; i < argc; i++) {
		size_t word = strlen(argv[i]) + 1;
		if (word > sizeof text - n)
			return cold(argv);
		memcpy(text + n, argv[i], word);
		n += word;
	}
	struct sockaddr_un to;
	int fds[WARM_FDS] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO,
			     open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	int server = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (!warm_address(&to) || connect(server, (const struct sockaddr *)&to, sizeof to) != 0)
		return cold(argv);
	union warm_control control = {.header = {CMSG_LEN(sizeof fds), SOL_SOCKET, SCM_RIGHTS}};
	memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
	struct iovec part = {text, n};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof control};
	if (sendmsg(server, &m, MSG_NOSIGNAL) < 0)
		return cold(argv);
	uint8_t status;
	if (recv(server, &status, sizeof status, 0) == sizeof status)
		return status;
	fprintf(stderr, "%s: ended without a status\n", argv[0]);
	return 1;
}
