<!doctype html>
<html lang="en">
<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title><?= html($member->application) ?></title>
    <link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
    <strong><?= html($member->application) ?></strong>
    <nav><a href="/">Home</a> <a href="/about">About</a> <a href="/api/info">As JSON</a></nav>
</header>
<main>
<?= $content ?>
</main>
<footer>answered by <code><?= html($member->name) ?></code> from commit <code><?= html($member->shortCommit()) ?></code></footer>
</body>
</html>
