/* Answers one line of one client, on the listening socket that LISTEN_FDS announces, descriptor 3.
   Build: gcc -o message message-systemd.c */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	char line[1024] = "";
	size_t length = 0;
	int client;

	if (pid == NULL || atoi(pid) != getpid() || fds == NULL || atoi(fds) < 1)
		errx(100, "LISTEN_FDS is not for me: start me behind a socket");
	while ((client = accept(3, NULL, NULL)) < 0)
		if (errno != EINTR)
			err(111, "cannot accept");
	while (length < sizeof line - 1 && memchr(line, '\n', length) == NULL) { /* a line may come in pieces */
		ssize_t n = read(client, line + length, sizeof line - 1 - length);
		if (n > 0)
			length += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	if (length > 0) /* else the client left without a word */
		dprintf(client, "I got your message: %.*s\n", (int)strcspn(line, "\n"), line);
	return 0;
}
