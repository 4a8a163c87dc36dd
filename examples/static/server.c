// The smallest HTTP server that reads a configuration: one file, one answer, no library to hook into.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 3) return 64;
    char greeting[256], answer[512], request[4096];
    int file = open(argv[1], O_RDONLY);
    ssize_t size = file < 0 ? -1 : read(file, greeting, sizeof greeting);
    if (size < 0) return 1;
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zd\r\n\r\n%.*s",
                          size, (int)size, greeting);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 128) != 0) {
        perror("server");
        return 1;
    }
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        size_t got = 0;
        for (ssize_t part; got < sizeof request && (part = read(client, request + got, sizeof request - got)) > 0;) {
            got += (size_t)part;
            if (memmem(request, got, "\r\n\r\n", 4)) break;
        }
        if (write(client, answer, (size_t)length) < 0) perror("server");
        shutdown(client, SHUT_WR);
        close(client);
    }
}
