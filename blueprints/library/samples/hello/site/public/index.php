<?php

declare(strict_types=1);

require __DIR__ . '/../src/Member.php';
require __DIR__ . '/../src/Work.php';
require __DIR__ . '/../src/respond.php';

$member = Member::fromEnvironment();
$path = parse_url($_SERVER['REQUEST_URI'] ?? '/', PHP_URL_PATH) ?: '/';
$method = $_SERVER['REQUEST_METHOD'] ?? 'GET';

if (!in_array($method, ['GET', 'HEAD'], true)) {
    header('Allow: GET, HEAD');
    respond_json(405, ['error' => "{$method} is not answered here; use GET."]);
    return;
}

switch ($path) {
    case '/':
        respond_page(200, 'home', $member, ['greeting' => getenv('GREETING') ?: 'Hello']);
        break;
    case '/about':
        respond_page(200, 'about', $member);
        break;
    case '/api/info':
        respond_json(200, $member->describe());
        break;
    case '/api/health':
        respond_json(200, ['status' => 'ok', 'member' => $member->name]);
        break;
    case '/work':
        // Work for as long as asked: makes the load that scaling reacts to.
        $milliseconds = Work::milliseconds($_GET['ms'] ?? null);
        if ($milliseconds === null) {
            respond_json(400, ['error' => 'ms must be a whole number from 1 to ' . Work::LIMIT . '.']);
            break;
        }
        respond_json(200, ['member' => $member->name, 'rounds' => Work::run($milliseconds), 'ms' => $milliseconds]);
        break;
    default:
        str_starts_with($path, '/api/')
            ? respond_json(404, ['error' => "There is nothing at {$path}."])
            : respond_page(404, 'missing', $member, ['path' => $path]);
}
